import { z } from 'zod';
import type { Charge, Outcome } from '../../generation/generation.ts';
import type { FileStore } from '../files.ts';
import { completedFrom } from '../kept-results.ts';
import type { Observation } from '../provider.ts';
import { beginningOf, failed, type ReasonCode, type ReasonWords, reasonIn } from '../reasons.ts';
import { type LinksIn, partsIn } from '../result-links.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * Replicate's bodies. Sources, all read 2026-11-20: "HTTP API", "Create a prediction", "Prediction
 * lifecycle", the changelog "Set deadlines for predictions" and the official JavaScript SDK.
 */

/** "HTTP API": a prediction, as create, get and webhook tell it. */
export const Prediction = z.object({
  id: TaskId,
  status: z.string().min(1),
  /** Shaped by the model: text, a list, an object, or nothing. */
  output: z.unknown().optional(),
  error: LooseText,
  data_removed: z.boolean().nullish().catch(undefined),
  /** `hidden` for official models. */
  version: LooseText,
  created_at: LooseText,
  completed_at: LooseText,
  /** When it was to be stopped, if the submission said so. */
  deadline: LooseText,
  metrics: z
    .object({ predict_time: z.number().min(0).nullish() })
    .nullish()
    .catch(undefined),
});
export type Prediction = z.infer<typeof Prediction>;

/** "HTTP API": the body of a refused call, in both of its shapes. */
export const ApiError = z.object({
  detail: LooseText,
  title: LooseText,
  status: z.number().nullish().catch(undefined),
});

/**
 * Whether a 404 is Replicate's own: the whole of its longer shape, or the shorter one in the words
 * of Django REST framework. ASSUMPTION: "HTTP API" shows both shapes, and neither for this case.
 */
export function saysNotFound(body: z.infer<typeof ApiError> | undefined): boolean {
  const { detail, title, status } = body ?? {};
  return detail === 'Not found.' || (status === 404 && /^not found/i.test(title ?? '') && !!detail);
}

/**
 * What a prediction says. `aborted`: its deadline passed before it started; `canceled`: somebody
 * stopped it, or its deadline did. A status that no document names is a live one.
 */
export async function observe(
  prediction: Prediction,
  { linksIn, files }: { linksIn: LinksIn; files: FileStore },
): Promise<Observation> {
  if (statusWord(prediction.status) !== 'succeeded') return observeUnsuccessful(prediction);
  if (isEmpty(prediction)) return final(prediction, failed('result_missing'));
  const links = linksIn(prediction.output);
  return final(
    prediction,
    withExpiry(await completedFrom(links, files, prediction.id), links, prediction),
  );
}

/**
 * What a webhook says, by itself. Without its output, or with files in place of links, a prediction
 * that succeeded counts as a live one there: the status check tells.
 */
export function observeInPassing(prediction: Prediction, linksIn: LinksIn): Observation {
  const status = statusWord(prediction.status);
  if (status !== 'succeeded') return observeUnsuccessful(prediction);
  const links = isEmpty(prediction) ? [] : linksIn(prediction.output);
  const isWhole = links.length > 0 && links.every((link) => /^https?:/i.test(link));
  if (!isWhole) return { kind: 'live', status };
  return final(prediction, withExpiry(completedWith(links), links, prediction));
}

function observeUnsuccessful(prediction: Prediction): Observation {
  const status = statusWord(prediction.status);
  const { error } = prediction;
  switch (status) {
    case 'failed':
      return final(prediction, failed(reasonIn(error, REASON_WORDS), error ?? undefined));
    case 'canceled':
      return final(prediction, failed(stoppedBy(prediction)));
    case 'aborted':
      return final(prediction, failed('provider_timed_out'));
    default:
      return { kind: 'live', status };
  }
}

/** The deadline that we set, or somebody else. */
function stoppedBy({ deadline, completed_at }: Prediction): ReasonCode {
  const isOver = timeOf(completed_at) >= timeOf(deadline);
  return isOver ? 'provider_timed_out' : 'provider_canceled';
}

function final(prediction: Prediction, outcome: Outcome): Observation {
  const charge = chargeOf(prediction);
  return { kind: 'final', outcome, ...(charge && { charge }) };
}

/**
 * Replicate's own skill "compare-models", read 2026-11-21: a community model is charged by the time
 * that it runs, an official one by the run, of which a prediction says nothing.
 */
function chargeOf({ metrics, version }: Prediction): Charge | undefined {
  const seconds = metrics?.predict_time;
  if (version === 'hidden' || seconds === null || seconds === undefined) return undefined;
  return { amount: seconds, unit: 'seconds' };
}

/** "HTTP API": inputs, outputs and files are removed one hour after the prediction's creation. */
export const RESULT_LIFETIME_MS = 3_600_000;

/** Links of Replicate's die; that of a file which we kept is not among them. */
function withExpiry(
  outcome: Outcome,
  links: readonly string[],
  { created_at }: Prediction,
): Outcome {
  const expiresAt = timeOf(created_at) + RESULT_LIFETIME_MS;
  if (outcome.verdict !== 'completed' || Number.isNaN(expiresAt)) return outcome;
  const results = outcome.results.map((result) =>
    result.kind === 'file' && links.includes(result.url) ? { ...result, expiresAt } : result,
  );
  return { ...outcome, results };
}

/** Unix milliseconds; NaN, which compares as false, when it is none. */
function timeOf(text: string | null | undefined): number {
  return text ? Date.parse(text) : Number.NaN;
}

/** "HTTP API": an hour after its creation the output becomes null and `data_removed` true. */
function isEmpty({ output, data_removed }: Prediction): boolean {
  return data_removed === true || output === null || output === undefined;
}

/** The files in an output, whether it is one, a list, or an object with some; text is no result. */
export const linksInOutput: LinksIn = (output) =>
  partsIn(output).filter((part) => /^(https?:|data:)/i.test(part));

/** ASSUMPTION: a failure is free text and no document lists it, so words are looked for. */
const REASON_WORDS: ReasonWords = [
  [/nsfw|safety|sensitive|moderat|prohibited|content policy/i, 'content_policy'],
  [/tim(ed|e)[ -]?out|deadline/i, 'provider_timed_out'],
  [/out of memory|\boom\b|interrupted|internal|unavailable/i, 'provider_error'],
];

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/**
 * The wait that a 429 names in its sentence, such as `Expected available in 12 seconds.`; 0 when it
 * names none. ASSUMPTION: it is the sentence's first duration; "HTTP API" shows no example.
 */
export function waitMsIn(detail: string | null | undefined): number {
  const found = /\b(\d{1,6}(?:\.\d+)?)\s*(ms|milliseconds?|s|sec|m|min|seconds?|minutes?)\b/i.exec(
    beginningOf(detail),
  );
  if (!found) return 0;
  const unit = (found[2] ?? '').toLowerCase();
  const short = unit === 'ms' || unit.startsWith('milli') ? 'ms' : unit.charAt(0);
  return Math.ceil(Number(found[1]) * (UNIT_MS[short] ?? 0));
}
