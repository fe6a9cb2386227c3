import { z } from 'zod';
import type { Charge, Outcome } from '../../generation/generation.ts';
import { parseJson } from '../../outbound/bounded-json.ts';
import { beginningOf, failed, type ReasonWords, reasonIn } from '../reasons.ts';
import { LooseText, TaskId } from '../wire-values.ts';

/**
 * Segmind's bodies. Sources, read 2026-11-20: its pages "Async inference", "Rate limits" and
 * "Account and billing APIs", and its official Python SDK; read 2026-11-21, as the repository
 * api-evangelist/segmind told them on 2026-08-27: "Serverless API" (its error codes), "Async
 * inference" (metrics) and "Logging". The models are in models.ts.
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
  // "Async inference": in credits, and absent when nothing was charged.
  metrics: z.object({ cost: z.unknown().optional() }).nullish().catch(undefined),
});
export type RequestBody = z.infer<typeof RequestBody>;

/** The SDK reads `error` of every refused call. */
export const ApiError = z.object({ error: ErrorText });

/**
 * "Serverless API": `Request 0000… not found`, also of one that has expired. Another 404 is about the
 * model, or not Segmind's.
 */
export function saysUnknown(body: z.infer<typeof ApiError> | undefined): boolean {
  return /^request\b.*\bnot found/i.test(beginningOf(body?.error));
}

/** "Serverless API": a 406 is no credit, a team's spent limit, or a value that the model does not take. */
export function isAboutCredit(said: string | undefined): boolean {
  return said === undefined || /credit|balance|spend/i.test(beginningOf(said));
}

/** What a request cost, as `metrics` or version 1's header `x-cost` tells it. */
export function chargeOf(cost: unknown): Charge | undefined {
  const amount = typeof cost === 'string' && cost.trim() !== '' ? Number(cost) : cost;
  return typeof amount === 'number' && amount >= 0 ? { amount, unit: 'credits' } : undefined;
}

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
