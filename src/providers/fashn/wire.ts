import { z } from 'zod';
import type { Outcome } from '../../generation/generation.ts';
import type { DeferReason } from '../../generation/hold-reasons.ts';
import { ImageUrl } from '../../outbound/url-policy.ts';
import { FashnTryOn, fashnTryOnInput } from '../fashn-try-on.ts';
import type { Model, Observation } from '../provider.ts';
import { failed, type ReasonCode } from '../reasons.ts';
import { completedWith, LooseText, parseInput, statusWord, TaskId } from '../wire-values.ts';

/**
 * FASHN's bodies. Sources, all read 2026-11-20: its pages "Webhooks" (which wins), "API
 * Fundamentals", "Error Handling", "Try-On v1.6" and "Try-On Max", and its official TypeScript SDK.
 */

/** "Try-On Max", which calls the garment a product. ASSUMPTION: prompts have at most 2,000 characters. */
const TryOnMax = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).length(1),
  prompt: z.string().max(2_000).optional(),
  seed: z.int().optional(),
  outputFormat: z.enum(['png', 'jpeg']).optional(),
});

/** "API Fundamentals": links on the CDN live 72 h from completion. */
const RESULT_LIFETIME_MS = 72 * 3_600_000;

/** A model, and how its input is said to FASHN. */
export interface FashnModel extends Model {
  wireInputs(input: Record<string, unknown>): Record<string, unknown>;
}

export const MODELS: Readonly<Record<string, FashnModel>> = {
  'tryon-v1.6': {
    type: 'image-fast',
    about: 'Dresses a person in one garment, in 5 to 17 seconds.',
    price: '1 credit per picture',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: FashnTryOn,
    // "Try-On v1.6": 5 s (performance) to 17 s (quality). The timing is inferred from that.
    poll: {
      firstAfterMs: 4_000,
      everyMs: 2_000,
      factor: 1,
      longestMs: 2_000,
      giveUpAfterMs: 120_000,
    },
    wireInputs: fashnTryOnInput,
  },
  'tryon-max': {
    type: 'image-quality',
    about: 'Dresses a person in one garment, guided by words, up to 4K, in 20 to 120 seconds.',
    price: '2 to 5 credits per picture',
    resultLifetimeMs: RESULT_LIFETIME_MS,
    input: TryOnMax,
    // "Try-On Max": 20 to 120 s. The timing is inferred from that.
    poll: {
      firstAfterMs: 15_000,
      everyMs: 5_000,
      factor: 1,
      longestMs: 5_000,
      giveUpAfterMs: 300_000,
    },
    wireInputs: (raw) => {
      const input = parseInput(TryOnMax, raw);
      return {
        model_image: input.personImage,
        product_image: input.garmentImages[0],
        prompt: input.prompt,
        seed: input.seed,
        output_format: input.outputFormat,
      };
    },
  },
};

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
