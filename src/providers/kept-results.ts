import type { Outcome } from '../generation/generation.ts';
import type { FileStore } from './files.ts';
import { failed } from './reasons.ts';
import {
  base64Bytes,
  completedWith,
  completedWithData,
  MAX_DATA_BYTES,
  MAX_RESULTS,
} from './wire-values.ts';

/**
 * The outcome of a finished task whose results come as links, as base64 or as bytes: what is no link is kept
 * as a file of ours and answered as its link. One that is neither fails the task, `result_missing`.
 */
export async function completedFrom(
  results: readonly (string | Buffer)[],
  files: FileStore,
): Promise<Outcome> {
  if (results.length > MAX_RESULTS) return failed('result_missing');
  const links: string[] = [];
  for (const result of results) {
    const link = await linkTo(result, files);
    if (link === undefined) return failed('result_missing');
    links.push(link);
  }
  return completedWith(links);
}

/**
 * The outcome of a finished task whose result is data. What is too large for a record is kept as a JSON
 * file of ours and answered as its link.
 */
export async function completedFromData(data: unknown, files: FileStore): Promise<Outcome> {
  const text: string | undefined = JSON.stringify(data);
  const fits = text === undefined || Buffer.byteLength(text) <= MAX_DATA_BYTES;
  if (fits) return completedWithData(data);
  const url = await files.put(Buffer.from(text), 'json');
  if (url === undefined) return failed('result_too_large');
  const file = { kind: 'file' as const, url, contentType: 'application/json' };
  return { verdict: 'completed', results: [file] };
}

async function linkTo(result: string | Buffer, files: FileStore): Promise<string | undefined> {
  if (typeof result !== 'string') return files.put(result);
  if (/^https?:\/\//i.test(result)) return result;
  const bytes = base64Bytes(result);
  return bytes && files.put(bytes);
}
