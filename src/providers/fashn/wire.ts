import { z } from 'zod';
import type { Outcome } from '../../generation/generation.ts';
import type { DeferReason } from '../../generation/hold-reasons.ts';
import type { Observation } from '../provider.ts';
import { failed, type ReasonCode } from '../reasons.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * FASHN's bodies. Sources, all read 2026-11-20: its pages "Webhooks" (which wins), "API
 * Fundamentals" and "Error Handling", and its official TypeScript SDK.
 */

/** "API Fundamentals": the answer to a submission. */
export const RunAnswer = z.object({ id: TaskId });

/** "Credits": what is left, bought and subscribed together. */
export const Credits = z.object({ credits: z.object({ total: z.number() }) });

/** "Error Handling": the body of a refused call. */
export const ApiError = z.object({
  id: z.unknown().optional(),
  error: LooseText,
  message: LooseText,
});

/** "Error Handling": FASHN says three things with 429, told apart by the code in the body. */
export const TOO_MANY: ReadonlyMap<string, DeferReason> = new Map([
  ['RateLimitExceeded', 'rate_limited'],
  ['ConcurrencyLimitExceeded', 'concurrency_limited'],
  ['OutOfCredits', 'out_of_credit'],
] satisfies [string, DeferReason][]);

/** "API Fundamentals": the status of a prediction, which is also the body of its webhook. */
export const Prediction = z.object({
  id: TaskId.nullish().catch(undefined),
  status: z.string(),
  output: z.array(z.string()).nullish().catch(undefined),
  error: z
    .union([
      z.object({ name: z.string(), message: LooseText }),
      z.string().transform((name) => ({ name, message: undefined })),
    ])
    .nullish()
    .catch(undefined),
});
export type Prediction = z.infer<typeof Prediction>;

/** "Error Handling", and the SDK for the last four. Names unknown to both: `provider_failed`. */
const REASON_OF: ReadonlyMap<string, ReasonCode> = new Map([
  ['ImageLoadError', 'image_unreadable'],
  ['ContentModerationError', 'content_policy'],
  ['NSFWError', 'content_policy'],
  ['PoseError', 'pose_not_found'],
  ['InputValidationError', 'invalid_input'],
  ['LoRALoadError', 'invalid_input'],
  ['PhotoTypeError', 'invalid_input'],
  ['PipelineError', 'provider_error'],
  ['ThirdPartyError', 'upstream_refused'],
  ['3rdPartyProviderError', 'provider_error'],
  ['InternalServerError', 'provider_error'],
  ['PollingTimeout', 'provider_timed_out'],
] satisfies [string, ReasonCode][]);

/**
 * Whether the same request may fare better another time: "Error Handling" and the API reference of
 * FASHN's own agent skill (github.com/fashn-AI/fashn-skill, skills/fashn/reference.md), read
 * 2026-11-21, say "retry" of two, and "change the input" of the others. Not listed: nobody says.
 */
const RETRY_HELPS: ReadonlyMap<string, boolean> = new Map([
  ['PipelineError', true],
  ['InternalServerError', true],
  ['ImageLoadError', false],
  ['ContentModerationError', false],
  ['PoseError', false],
  ['InputValidationError', false],
  ['ThirdPartyError', false],
]);

/**
 * What a prediction says. `canceled` and `time_out` are in the SDK's types only; they are verdicts
 * of FASHN's, not ours, hence `failed`. A status that no document names is a live one.
 */
export function observe(prediction: Prediction): Observation {
  const final = (outcome: Outcome): Observation => ({ kind: 'final', outcome });
  const { output, error } = prediction;
  const status = statusWord(prediction.status);
  switch (status) {
    case 'completed':
      return final(completedWith(output ?? []));
    case 'failed':
      return final(failure(error));
    case 'canceled':
      return final(failed('provider_canceled'));
    case 'time_out':
      return final(failed('provider_timed_out'));
    default:
      return { kind: 'live', status };
  }
}

function failure(error: Prediction['error']): Outcome {
  const outcome = failed(reasonOf(error?.name), error?.message ?? error?.name);
  const mayHelpToRetry = RETRY_HELPS.get(error?.name ?? '');
  if (outcome.verdict === 'completed' || mayHelpToRetry === undefined) return outcome;
  return { ...outcome, reason: { ...outcome.reason, mayHelpToRetry } };
}

function reasonOf(name: string | undefined): ReasonCode {
  return REASON_OF.get(name ?? '') ?? 'provider_failed';
}
