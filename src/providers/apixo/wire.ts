import { z } from 'zod';
import type { Outcome } from '../../generation/generation.ts';
import { parseJson } from '../../outbound/bounded-json.ts';
import { expiring } from '../expiring.ts';
import type { Account, Observation } from '../provider.ts';
import { beginningOf, failed, type ReasonWords, reasonIn } from '../reasons.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * APIXO's bodies. Sources, all read 2026-11-20: its guide "Polling vs Webhooks" (which wins) and its
 * API reference, pages "Generate Task", "Status Task", "Response Format", "Webhooks" and "Errors".
 */

const Task = z.object({
  taskId: TaskId.nullish().catch(undefined),
  state: LooseText,
  resultJson: z.unknown().optional(),
  failCode: LooseText,
  failMsg: LooseText,
  completeTime: z.number().positive().nullish().catch(undefined),
});
export type Task = z.infer<typeof Task>;

/** "Response Format": every answer and every webhook; `code` repeats the HTTP status. */
export const Envelope = z.object({
  code: z.int().nullish().catch(undefined),
  message: LooseText,
  data: Task.nullish().catch(undefined),
});
export type Envelope = z.infer<typeof Envelope>;

/** "Generate Task": the answer to a submission. */
export const GenerateAnswer = z.object({ data: z.object({ taskId: TaskId }) });

/** "Status Task": any answer that tells a state. */
export const StatusAnswer = z.object({ data: Task.extend({ state: z.string().min(1) }) });

/**
 * "Errors" has two vocabularies of `failCode`, one in capitals and one in camel case, and the newer
 * list was read in part; so words are looked for, in this order, in any case.
 */
const REASON_WORDS: ReasonWords = [
  [/credit/i, 'out_of_credit'],
  [/sensitive|nsfw|prohibited|violation/i, 'content_policy'],
  [/image_?(url|too_?large|download)|unsupported_?format/i, 'image_unreadable'],
  [/prompt/i, 'invalid_input'],
  [/timeout/i, 'provider_timed_out'],
  [/unavailable|generation_?failed/i, 'provider_error'],
];

/**
 * "Error Codes", the older page, read 2026-11-21: what it advises for each code. A task of which it
 * says "retry" or "try again later" may go well with the same input; the others need another input.
 * Of GENERATION_FAILED it says "retry with different parameters", so that is left open.
 */
const ADVICE: readonly (readonly [RegExp, mayHelpToRetry: boolean])[] = [
  [/^(processing_timeout|model_unavailable|insufficient_credits)$/i, true],
  [/sensitive|nsfw|prohibited|violation|prompt/i, false],
  [/^(image_too_large|unsupported_format)$/i, false],
];

/** "Errors", newer page: 403 may be the content policy. ASSUMPTION: then the message says so. */
export function isAboutContent(message: string | null | undefined): boolean {
  return reasonIn(message, REASON_WORDS) === 'content_policy';
}

/** "Errors", "GPT Image 1": a 400 that is no fault of the request. */
export function isAboutCredit(message: string | null | undefined): boolean {
  return /insufficient.{0,20}(credit|balance)/i.test(beginningOf(message));
}

/** What a task says. A state that no document names is a live one. */
export function observe(task: Task): Observation {
  const final = (outcome: Outcome): Observation => ({ kind: 'final', outcome });
  const status = statusWord(task.state);
  if (status === 'success') return final(finished(task));
  if (status === 'failed') return final(failure(task));
  return { kind: 'live', status };
}

/** ASSUMPTION: the 24 hours of a link begin when the task is complete. */
function finished(task: Task): Outcome {
  const { completeTime } = task;
  const expiresAt = completeTime ? completeTime + RESULT_LIFETIME_MS : undefined;
  return expiring(completedWith(resultLinks(task)), () => expiresAt);
}

function failure({ failCode, failMsg }: Task): Outcome {
  const said = [failCode, failMsg].filter(Boolean).join(': ');
  const outcome = failed(reasonIn(failCode || failMsg, REASON_WORDS), said || undefined);
  const mayHelpToRetry = ADVICE.find(([codes]) => codes.test(beginningOf(failCode)))?.[1];
  if (outcome.verdict === 'completed' || mayHelpToRetry === undefined) return outcome;
  return { ...outcome, reason: { ...outcome.reason, mayHelpToRetry } };
}

/** "Status Task": links to results die after 24 hours. */
export const RESULT_LIFETIME_MS = 24 * 3_600_000;

const Results = z.object({ resultUrls: z.array(z.string()) });

/** "Status Task": `resultJson` is JSON inside a JSON string. */
export function resultLinks({ resultJson }: Task): readonly string[] {
  try {
    const results: unknown = typeof resultJson === 'string' ? parseJson(resultJson) : resultJson;
    return Results.safeParse(results).data?.resultUrls ?? [];
  } catch {
    return [];
  }
}

/**
 * ASSUMPTION: the API reference names the call and none of its fields, so the balance is the first
 * number under one of these names, in `data` or beside it, or `data` itself.
 */
const BALANCE_NAMES = ['balance', 'currentBalance', 'current_balance', 'credits', 'credit'];

const Amount = z.union([z.number(), z.string().trim().min(1).transform(Number)]).pipe(z.number());

export const Balance = z
  .looseObject({ data: z.unknown().optional() })
  .transform((body): Account => {
    const places = [body.data, ...BALANCE_NAMES.map((name) => named(body.data, name))];
    places.push(...BALANCE_NAMES.map((name) => named(body, name)));
    const credits = places.map((place) => Amount.safeParse(place).data);
    const found = credits.find((amount) => amount !== undefined);
    return found === undefined ? {} : { credits: found };
  });

function named(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null;
  return isObject ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}
