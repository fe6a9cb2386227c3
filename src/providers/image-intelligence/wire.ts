import { z } from 'zod';
import type { Outcome } from '../../generation/generation.ts';
import type { PollProfile } from '../../generation/poll-timing.ts';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { Model, Observation } from '../provider.ts';
import { failed, type ReasonCode } from '../reasons.ts';
import { completedWithData, LooseText, parseInput, statusWord, TaskId } from '../wire-values.ts';

/**
 * Image Intelligence's bodies. Sources, all read 2026-11-20: "Handling Asynchronous APIs with
 * Webhooks", which wins; the vendor's Swagger specification, version 2; the reference pages of
 * `/detect`, `/match` and `/oauth/token`; the quick-start. Its results are data, not pictures.
 */

/** Specification: the longest URL of an image. Images as base64 are not offered: they are large. */
const MAX_URL_LENGTH = 512;
const ShortUrl = ImageUrl.refine(
  (url) => url.length <= MAX_URL_LENGTH,
  `must have at most ${MAX_URL_LENGTH} characters`,
).meta({ format: 'uri', maxLength: MAX_URL_LENGTH });

/** Specification: the longest name of a job, a feed or a target. */
const Label = z.string().min(1).max(64);

const common = {
  images: z.array(ShortUrl).min(1).max(64),
  feedId: Label.optional(),
};

/** `verify`: whether people look at the result; AUTO unless asked. */
const DetectInput = z.strictObject({
  ...common,
  classes: z
    .array(
      z.strictObject({
        class: z.string().min(1).max(200),
        verify: z.enum(['NEVER', 'AUTO', 'ALWAYS']).optional(),
      }),
    )
    .min(1)
    .max(64),
});

const MatchInput = z.strictObject({
  ...common,
  target: z.strictObject({
    class: z.string().min(1).max(200),
    images: z.array(ShortUrl).min(1).max(3),
    customId: Label.optional(),
  }),
});

/**
 * People may look at a batch, which takes minutes to hours: hence a timing of its own, and not an
 * image model's. ASSUMPTION: 5 s, doubling to a minute, for half an hour; no document says. Who has
 * everything verified raises `giveUpAfterMs` (POLL_PROFILES). The webhook comes once, for the whole
 * batch.
 */
const HUMAN_TIMING: Partial<PollProfile> = {
  firstAfterMs: 5_000,
  everyMs: 5_000,
  factor: 2,
  longestMs: 60_000,
  webhookGraceMs: 60_000,
  giveUpAfterMs: 30 * 60_000,
  maxPolls: undefined,
};

/** A model, how its input is said, and where. */
export interface ImageModel extends Model {
  readonly path: string;
  wireBody(input: Record<string, unknown>): Record<string, unknown>;
}

const imagesBody = (urls: readonly string[]) => urls.map((url) => ({ url }));

export const MODELS: Readonly<Record<string, ImageModel>> = {
  detect: {
    type: 'exponential',
    about: 'Finds objects of given classes in 1 to 64 images; people may check the result.',
    input: DetectInput,
    poll: HUMAN_TIMING,
    path: '/v2/detect',
    wireBody: (raw) => {
      const { images, classes, feedId } = parseInput(DetectInput, raw);
      return { images: imagesBody(images), classes, feedId };
    },
  },
  match: {
    type: 'exponential',
    about: 'Finds one thing, shown in 1 to 3 images, in 1 to 64 images.',
    input: MatchInput,
    poll: HUMAN_TIMING,
    path: '/v2/match',
    wireBody: (raw) => {
      const { images, target, feedId } = parseInput(MatchInput, raw);
      // Specification: of the target the bare URLs, unlike those of the images.
      return { images: imagesBody(images), target, feedId };
    },
  },
};

/** Reference page of `/oauth/token`: times are Unix milliseconds, on the provider's clock. */
export const Token = z.object({
  accessToken: z.string().min(1),
  expiresAt: z.number(),
  issuedAt: z.number(),
});

const LooseNumber = z.number().nullish().catch(undefined);

const ImageResult = z.object({
  url: LooseText,
  customId: LooseText,
  status: LooseText,
  objects: z
    .array(z.object({ class: LooseText, confidence: LooseNumber, verdict: z.unknown().optional() }))
    .nullish()
    .catch(undefined),
});

/** Of `/detect` a list, one for each class; of `/match` one object. */
const JobResult = z.object({
  class: LooseText,
  target: z.unknown().optional(),
  hitl: z.boolean().nullish().catch(undefined),
  image: z
    .object({ url: LooseText, customId: LooseText, confidence: LooseNumber })
    .nullish()
    .catch(undefined),
});

/** Specification: a job, as its creation, its status, a search and its webhook tell it. */
export const Job = z.object({
  id: TaskId,
  status: LooseText,
  customId: LooseText,
  jobResults: z
    .union([z.array(JobResult), JobResult])
    .nullish()
    .catch(undefined),
  imageResults: z.array(ImageResult).nullish().catch(undefined),
});
export type Job = z.infer<typeof Job>;

/** ASSUMPTION: a refusal explains itself in `message` or `error`; no document shows its body. */
export const ApiError = z.object({ message: LooseText, error: LooseText });

/**
 * What a job says. A batch of which a part failed is complete: the status of each image is in the
 * result, so that only those need to be asked for again. A status that no document names is live.
 */
export function observe(job: Job): Observation {
  const status = statusWord(job.status);
  switch (status) {
    case 'completed_successfully':
    case 'completed_partial_error':
      return {
        kind: 'final',
        outcome: hasResults(job) ? completedWithData(dataOf(job)) : failed('result_missing'),
      };
    case 'completed_all_error':
      return { kind: 'final', outcome: failureOf(job) };
    default:
      return { kind: 'live', status };
  }
}

/** Whether a job holds any results, also when what was looked for is on none of the images. */
export function hasResults({ jobResults, imageResults }: Job): boolean {
  return (jobResults ?? imageResults ?? undefined) !== undefined;
}

/** The provider's own shape without its ids and proxies, status words in lower case. */
function dataOf({ status, jobResults, imageResults }: Job) {
  return {
    status: statusWord(status),
    jobResults: jobResults ?? [],
    imageResults: (imageResults ?? []).map((image) => ({
      ...image,
      status: statusWord(image.status),
    })),
  };
}

/** Specification: an image's status; what each means for asking again is inferred. */
const REASON_OF: ReadonlyMap<string, ReasonCode> = new Map([
  ['image_download_error', 'image_unreadable'],
  ['invalid_image_format_error', 'image_unreadable'],
  ['malformed_message_error', 'invalid_input'],
  // The view of the camera is blocked.
  ['spiderwebs_error', 'invalid_input'],
  ['unknown_error', 'provider_error'],
  ['job_error', 'provider_error'],
  ['detection_engine_error', 'provider_error'],
  ['model_service_error', 'provider_error'],
] satisfies [string, ReasonCode][]);

/** The reason that all images share; several different ones are none. */
function failureOf(job: Job): Outcome {
  const words = [...new Set((job.imageResults ?? []).map(({ status }) => statusWord(status)))];
  const reasons = new Set(words.map((word) => REASON_OF.get(word) ?? 'provider_failed'));
  const [reason = 'provider_failed'] = reasons;
  const said = words.map((word) => word.replaceAll('_', ' ')).join(', ');
  return failed(reasons.size > 1 ? 'provider_failed' : reason, said || undefined);
}
