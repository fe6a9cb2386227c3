import { z } from 'zod';
import { InvalidRequest, Terminal } from '../generation/errors.ts';
import type { Outcome, Result } from '../generation/generation.ts';
import { parseJson, UnreadableJson } from '../outbound/bounded-json.ts';
import { failed } from './reasons.ts';

/** Small pieces that every provider's wire format is made of. */

/**
 * A provider's task id: opaque, compared as a string, a number at some providers. Bounded, and never
 * a dot segment, because it becomes a part of the path of a status check.
 */
export const TaskId = z
  .union([z.string(), z.int()])
  .transform(String)
  .pipe(
    z
      .string()
      .min(1)
      .max(256)
      .regex(/^(?!\.{1,2}$)[\x21-\x7e]+$/),
  );

/** An optional string that is not worth refusing a whole answer for. */
export const LooseText = z.string().nullish().catch(undefined);

/**
 * A provider's status word in lower case, as it is recorded: some write it in capitals, and what is
 * longer than 64 characters is no word.
 */
export function statusWord(status: string | null | undefined): string {
  return (status ?? 'unknown').slice(0, 64).toLowerCase();
}

/** ASSUMPTION: no model makes more files at once; FASHN's most is four. */
export const MAX_RESULTS = 32;

/** Signed links are long; what is longer than this is not a link. */
export const MAX_RESULT_URL = 8_192;

/**
 * The outcome of a finished task from the links to its files. Every one must be a link: a file sent
 * inline is a failure, because large things stay out of the queues.
 */
export function completedWith(links: readonly string[]): Outcome {
  if (links.some((link) => /^\s*data:/i.test(link))) return failed('result_inline');
  const usable = links.every((link) => link.length <= MAX_RESULT_URL && isHttpUrl(link));
  if (links.length === 0 || links.length > MAX_RESULTS || !usable) return failed('result_missing');
  return { verdict: 'completed', results: links.map((url): Result => ({ kind: 'file', url })) };
}

/**
 * Most JSON of a result that is not a file, in bytes: it travels in records, jobs and callbacks. What
 * is larger becomes a file: see large-data.ts.
 */
export const MAX_DATA_BYTES = 64 * 1024;

/**
 * The outcome of a finished task whose result is data, such as labels, and not a file. As JSON keeps
 * it: a number too large for any, such as the text `1e999` brings, is null, and costs nothing else.
 */
export function completedWithData(data: unknown): Outcome {
  const text: string | undefined = JSON.stringify(data);
  if (text === undefined) return failed('result_missing');
  return { verdict: 'completed', results: [{ kind: 'data', data: JSON.parse(text) as unknown }] };
}

/**
 * A recorded input in its model's own type.
 * @throws Terminal `invalid_input` when the model no longer accepts what it once did.
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new Terminal('invalid_input', `The model does not accept this input: ${fields}`);
}

/** A webhook's body. @throws InvalidRequest `malformed_webhook` when it has another shape. */
export function parseWebhook<T>(schema: z.ZodType<T>, body: Buffer): T {
  let json: unknown;
  try {
    json = parseJson(body.toString('utf8'));
  } catch (error) {
    const why = error instanceof UnreadableJson ? error.message : 'not JSON';
    throw new InvalidRequest('malformed_webhook', `The body is ${why}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InvalidRequest('malformed_webhook', 'The body is not what the provider documents');
}

/** An address below a provider's base URL, whether or not that ends in a slash. */
export function providerUrl(baseUrl: string, path: string): string {
  return baseUrl.replace(/\/+$/, '') + path;
}

/**
 * A poll address that the provider returned, if it lies on one of the provider's own origins.
 * Relative addresses are resolved against the base URL. What points elsewhere is never followed: it
 * would be sent our key.
 */
export function ownUrl(
  baseUrl: string,
  address: string,
  ...otherOrigins: string[]
): string | undefined {
  if (!URL.canParse(address, baseUrl)) return undefined;
  const url = new URL(address, baseUrl);
  const origins = [baseUrl, ...otherOrigins].map((origin) => new URL(origin).origin);
  return origins.includes(url.origin) ? url.href : undefined;
}

/**
 * The bytes of a base64 string or data: URI; undefined when it is neither. The text may be a whole
 * picture, so it is read in one pass: no pattern here may try a place twice.
 */
export function base64Bytes(text: string): Buffer | undefined {
  const encoded = text.replace(/^data:[\w.+/-]{0,100};base64,/i, '').trim();
  const digits = encoded.slice(0, encoded.length - paddingOf(encoded));
  if (digits === '' || /[^A-Za-z0-9+/\s]/.test(digits)) return undefined;
  return Buffer.from(encoded, 'base64');
}

function paddingOf(encoded: string): number {
  if (encoded.endsWith('==')) return 2;
  return encoded.endsWith('=') ? 1 : 0;
}

function isHttpUrl(link: string): boolean {
  return /^https?:\/\//i.test(link) && URL.canParse(link);
}
