import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { Model } from '../provider.ts';
import { beginningOf, MODERATION_WORDS, type ReasonCode, reasonIn } from '../reasons.ts';
import { LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * tryon-api.com's bodies. Sources, read 2026-11-20: its documentation of the multipart job API, and
 * public client programs. The JSON variant that one client speaks is not used, but its answers are
 * understood.
 *
 * Sessions (`POST /v1/sessions` of its newer pages, reviewed March 2026) are not offered: they make
 * no picture. The answer is a page for the shopper to open, how long that takes is the shopper's
 * affair, and what comes when it is closed tells of the session and not of a result: there is nothing
 * to poll, to keep, or to give up after a time. Footwear neither: the job API has no category, and no
 * document says that it dresses feet; sessions do have one, and no document lists what it may be.
 */

/** Documentation: exactly one garment, although its field is plural. */
export const TryOnInput = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).length(1),
  /** Skips the check of the result. */
  fastMode: z.boolean().optional(),
});
export type TryOnInput = z.infer<typeof TryOnInput>;

export const TRYON: Model = {
  type: 'image-quality',
  about: 'Dresses a person in one garment.',
  input: TryOnInput,
  price: '1 credit per picture',
  // Documentation: signed links live for about an hour.
  resultLifetimeMs: 3_600_000,
  // Inferred from clients, most of which ask every 3 s.
  poll: {
    firstAfterMs: 10_000,
    everyMs: 3_000,
    factor: 1,
    longestMs: 3_000,
    giveUpAfterMs: 300_000,
  },
};

/** The JSON variant's results: links, bare or in objects. */
const Images = z
  .array(z.union([z.string(), z.object({ url: z.string() }).transform(({ url }) => url)]))
  .nullish()
  .catch(undefined);

/** A job, as submit and poll tell it. `result` is metadata, failure details, or the JSON variant's. */
export const Job = z.object({
  jobId: TaskId.nullish().catch(undefined),
  statusUrl: LooseText,
  status: LooseText,
  imageUrl: LooseText,
  imageBase64: LooseText,
  images: Images,
  result: z.object({ images: Images, message: LooseText }).nullish().catch(undefined),
  message: LooseText,
  error: LooseText,
  errorCode: LooseText,
});
export type Job = z.infer<typeof Job>;

/** What a job says; results are links or base64. */
export type JobView =
  | { state: 'live'; status: string }
  | { state: 'failed'; code: ReasonCode; said: string | undefined }
  | { state: 'completed'; results: readonly string[] };

/**
 * Documentation: `processing`, `completed`, `failed`; clients: `queued`, `invalid_input`. Others are
 * live. A job with a result but no status is complete: the JSON variant may answer so.
 */
export function viewOf(job: Job): JobView {
  const results = resultsOf(job);
  const status = statusWord(job.status ?? (results.length > 0 ? 'completed' : undefined));
  if (status === 'completed') return { state: 'completed', results };
  if (status !== 'failed' && status !== 'invalid_input') return { state: 'live', status };
  return { state: 'failed', code: reasonOf(job, status), said: textOf(job) };
}

/** ASSUMPTION: `invalid_input` is the only code that clients name; the rest is looked for in words. */
function reasonOf(job: Job, status: string): ReasonCode {
  if ([status, statusWord(job.errorCode)].includes('invalid_input')) return 'invalid_input';
  const byCode = reasonIn(job.errorCode, MODERATION_WORDS);
  return byCode === 'provider_failed' ? reasonIn(textOf(job), MODERATION_WORDS) : byCode;
}

function resultsOf(job: Job): readonly string[] {
  const one = job.imageUrl || job.imageBase64;
  return one ? [one] : (job.images ?? job.result?.images ?? []);
}

/**
 * ASSUMPTION: a 404 about an unknown job says that it is the job that is missing; no document shows
 * one. One that does not speak of a job may be about the path, or from somebody else.
 */
export function saysNoSuchJob(job: Job | undefined): boolean {
  const said = beginningOf(job?.error || job?.message);
  return /\b(job|task)\b.*\b(not found|unknown|expired)\b|\b(no such|unknown) (job|task)\b/i.test(
    said,
  );
}

/** The provider's own sentence about a job or a refusal. */
export function textOf(job: Job | undefined): string | undefined {
  return job?.message || job?.error || job?.result?.message || job?.errorCode || undefined;
}
