import { z } from 'zod';
import type { Outcome } from '../../generation/generation.ts';
import type { Observation } from '../provider.ts';
import { beginningOf, failed, type ReasonCode } from '../reasons.ts';
import { completedWithData, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * Image Intelligence's bodies. Sources, all read 2026-11-20: "Handling Asynchronous APIs with
 * Webhooks", which wins; the vendor's Swagger specification, version 2; the reference pages of
 * `/detect`, `/match` and `/oauth/token`; the quick-start. Its results are data, not pictures.
 */

/** Reference page of `/oauth/token`: times are Unix milliseconds, on the provider's clock. */
export const Token = z.object({
  accessToken: z.string().min(1),
  expiresAt: z.number(),
  issuedAt: z.number(),
});

const LooseNumber = z.number().nullish().catch(undefined);

/** An image as results name it: the provider's id, the app's own, and where both of them have it. */
const named = { id: LooseText, url: LooseText, proxyUrl: LooseText, customId: LooseText };

const ImageResult = z.object({
  ...named,
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
    .object({ ...named, confidence: LooseNumber })
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
 * Specification: 404 is "No job found with the given ID". ASSUMPTION: the body says so. One that does not
 * speak of the job may be about the path, or from somebody else.
 */
export function saysNoSuchJob(body: z.infer<typeof ApiError> | undefined): boolean {
  const noSuch = /\bno (such )?job\b|\bjob\b.*\bnot found\b/i;
  return noSuch.test(beginningOf(body?.message ?? body?.error));
}

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

/** The provider's own shape, status words in lower case, and the images to ask for again. */
function dataOf({ status, jobResults, imageResults }: Job) {
  const images = imageResults ?? [];
  const again = images.flatMap(toAskAgain);
  return {
    status: statusWord(status),
    jobResults: jobResults ?? [],
    imageResults: images.map((image) => ({ ...image, status: statusWord(image.status) })),
    ...(again.length > 0 && { askAgain: again }),
  };
}

/** Inferred: with these the image itself is not at fault, or was not to be had at the time. */
const PASSING: ReadonlySet<string> = new Set([
  'image_download_error',
  'unknown_error',
  'job_error',
  'detection_engine_error',
  'model_service_error',
]);

/** An image as the input of the next generation takes it, where that may go well. */
function toAskAgain({ url, customId, status }: z.infer<typeof ImageResult>) {
  if (!url || !PASSING.has(statusWord(status))) return [];
  return [{ url, ...(customId && { customId }) }];
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
