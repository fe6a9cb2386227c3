import type { Outcome } from '../generation/generation.ts';
import type { FileStore } from './files.ts';
import { failed } from './reasons.ts';
import { base64Bytes, completedWith, MAX_RESULTS } from './wire-values.ts';

/**
 * The outcome of a finished task whose results come as links, as base64 or as bytes: what is no link is kept
 * as a file of ours and answered as its link. One that is neither fails the task, `result_missing`.
 * @param of as `FileStore.put` takes it.
 */
export async function completedFrom(
  results: readonly (string | Buffer)[],
  files: FileStore,
  of: string,
): Promise<Outcome> {
  if (results.length > MAX_RESULTS) return failed('result_missing');
  const links: string[] = [];
  for (const result of results) {
    const link = await linkTo(result, files, of);
    if (link === undefined) return failed('result_missing');
    links.push(link);
  }
  return completedWith(links);
}

async function linkTo(
  result: string | Buffer,
  files: FileStore,
  of: string,
): Promise<string | undefined> {
  if (typeof result !== 'string') return files.put(result, of);
  if (/^https?:\/\//i.test(result)) return result;
  const bytes = base64Bytes(result);
  return bytes && files.put(bytes, of);
}
