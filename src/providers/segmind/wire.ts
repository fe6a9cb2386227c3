import { z } from 'zod';
import type { Outcome } from '../../generation/generation.ts';
import { parseJson } from '../../outbound/bounded-json.ts';
import { failed, type ReasonWords, reasonIn } from '../reasons.ts';
import { LooseText, TaskId } from '../wire-values.ts';

/**
 * Segmind's bodies. Sources, all read 2026-11-20: its pages "Async inference", "Rate limits" and
 * "Account and billing APIs", and its official Python SDK. The models are in models.ts.
 */

/** "Async inference": the answer to a submission. `poll_url` belongs to version 1. */
export const QueueAnswer = z.object({
  request_id: TaskId,
  status_url: LooseText,
  response_url: LooseText,
});

/** The body of a refused call, and of a request that failed. */
const ErrorText = z
  .union([z.string(), z.object({ message: z.string() }).transform(({ message }) => message)])
  .nullish()
  .catch(undefined);

/** "Async inference": a request's status, and its result, which is the same with `output`. */
export const RequestBody = z.object({
  status: z.string(),
  error: ErrorText,
  output: z.unknown().optional(),
});
export type RequestBody = z.infer<typeof RequestBody>;

/** The SDK reads `error` of every refused call. */
export const ApiError = z.object({ error: ErrorText });

/** "Account and billing APIs": yes, with a hyphen. */
export const Credits = z.object({
  credits: z.number(),
  'free-credits': z.number().nullish().catch(undefined),
});

/** Where a result object holds its file. ASSUMPTION: the names after `url`; no document lists them. */
const FILE_KEYS = ['url', 'image', 'images', 'base64', 'output'] as const;

/** Real results are two deep at most: a list of objects with `url`. */
const MAX_DEPTH = 4;

/**
 * Every link or base64 text in an output. "Async inference" promises no shape: old clients meet a
 * text, a list and an object with `url`, and workflows write all of that as JSON inside a text.
 */
export function filesIn(output: unknown, depth = 0): string[] {
  if (depth > MAX_DEPTH) return [];
  if (typeof output === 'string') {
    const inner = /^\s*[[{]/.test(output) ? parsed(output) : undefined;
    return inner === undefined ? [output] : filesIn(inner, depth + 1);
  }
  if (Array.isArray(output)) return output.flatMap((item) => filesIn(item, depth + 1));
  if (typeof output !== 'object' || output === null) return [];
  const values = new Map<string, unknown>(Object.entries(output));
  const key = FILE_KEYS.find((name) => values.has(name));
  return key === undefined ? [] : filesIn(values.get(key), depth + 1);
}

function parsed(json: string): unknown {
  try {
    return parseJson(json);
  } catch {
    return undefined;
  }
}

/** ASSUMPTION: failures are free text, and this is how it names its causes. Otherwise: for good. */
const CAUSES: ReasonWords = [
  [/time[d -]*out/i, 'provider_timed_out'],
  [/out of memory|\boom\b|internal/i, 'provider_error'],
  [/nsfw|moderation|content policy|safety/i, 'content_policy'],
  [/(load|fetch|download|read|open)\w{0,9} .{0,99}image/i, 'image_unreadable'],
  [/image.{0,99} (load|fetch|download)/i, 'image_unreadable'],
];

/** The outcome of a request that failed. */
export function failure(said: string | null | undefined): Outcome {
  return failed(reasonIn(said, CAUSES), said ?? undefined);
}
