import { z } from 'zod';
import type { Outcome } from '../../generation/generation.ts';
import type { Observation } from '../provider.ts';
import { beginningOf, failed, type ReasonWords, reasonIn } from '../reasons.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * Replicate's bodies. Sources, all read 2026-11-20: "HTTP API", "Create a prediction", "Prediction
 * lifecycle", the changelog "Prediction deadlines" and the official JavaScript SDK.
 */

/** "HTTP API": a prediction, as create, get and webhook tell it. */
export const Prediction = z.object({
  id: TaskId,
  status: z.string().min(1),
  /** Shaped by the model: text, a list, an object, or nothing. */
  output: z.unknown().optional(),
  error: LooseText,
  data_removed: z.boolean().nullish().catch(undefined),
});
export type Prediction = z.infer<typeof Prediction>;

/** "HTTP API": the body of a refused call, in both of its shapes. */
export const ApiError = z.object({ detail: LooseText, title: LooseText });

/**
 * What a prediction says. `aborted`: its deadline passed before it started; `canceled`: somebody
 * stopped it, or its deadline did. A status that no document names is a live one.
 */
export function observe(prediction: Prediction): Observation {
  const final = (outcome: Outcome): Observation => ({ kind: 'final', outcome });
  const status = statusWord(prediction.status);
  switch (status) {
    case 'succeeded':
      return final(isEmpty(prediction) ? failed('result_missing') : outcomeOf(prediction));
    case 'failed':
      return final(failed(reasonIn(prediction.error, REASON_WORDS), prediction.error ?? undefined));
    case 'canceled':
      return final(failed('provider_canceled'));
    case 'aborted':
      return final(failed('provider_timed_out'));
    default:
      return { kind: 'live', status };
  }
}

/**
 * What an answer to a submission or a webhook says. Without its output, a prediction that succeeded
 * counts as a live one there: the status check tells.
 */
export function observeInPassing(prediction: Prediction): Observation {
  const status = statusWord(prediction.status);
  const bare = status === 'succeeded' && isEmpty(prediction);
  return bare ? { kind: 'live', status } : observe(prediction);
}

/** "HTTP API": an hour after its creation the output becomes null and `data_removed` true. */
function isEmpty({ output, data_removed }: Prediction): boolean {
  return data_removed === true || output === null || output === undefined;
}

/** The links in the output, whether it is one, a list, or an object with some; text is no result. */
function outcomeOf({ output }: Prediction): Outcome {
  const parts: unknown[] = typeof output === 'object' ? Object.values(output ?? {}) : [output];
  const links = parts.filter((part) => typeof part === 'string');
  return completedWith(links.filter((link) => /^(https?:|data:)/i.test(link)));
}

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
