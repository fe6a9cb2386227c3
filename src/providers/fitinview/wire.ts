import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import { expiring, signedUntil } from '../expiring.ts';
import type { Model, Observation } from '../provider.ts';
import { beginningOf, failed, MODERATION_WORDS, type ReasonWords, reasonIn } from '../reasons.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * FitInView's bodies. Sources, all read 2026-11-20: its article "Webhooks vs Polling", which wins
 * where they differ; its API documentation; its OpenAPI document.
 */

/** API documentation: 1 to 3 garments, three output sizes, 1K unless asked. */
export const TryOnInput = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).min(1).max(3),
  outputSize: z.enum(['1K', '2K', '4K']).optional(),
  seed: z.int().optional(),
});

/**
 * Timing is the article's: 1 s, doubling to 16 s; that is this model type's profile. Its ten polls are
 * an example that ends after two minutes. A waiting call alone may take 90 s, so patience ends with the
 * profile's five minutes instead, and no number of polls.
 */
export const TRYON: Model = {
  type: 'exponential',
  about: 'Dresses a person in one to three garments.',
  input: TryOnInput,
  // API documentation, for 1K, 2K and 4K.
  price: '8, 12 or 20 credits',
  poll: { giveUpAfterMs: 5 * 60_000, maxPolls: undefined },
};

/**
 * A job, as submit, poll and webhook tell it. The article calls the id `id`, the API documentation
 * `job_id`. ASSUMPTION: failure details are in `error`, a string or `{ code, message }`, or in
 * `detail`; no document names them. ASSUMPTION: a webhook's body mirrors the poll's.
 */
export const Job = z.object({
  id: TaskId.nullish().catch(undefined),
  job_id: TaskId.nullish().catch(undefined),
  status: LooseText,
  result_url: LooseText,
  error: z
    .union([
      z.string().transform((message) => ({ code: undefined, message })),
      z.object({ code: LooseText, message: z.string() }),
    ])
    .nullish()
    .catch(undefined),
  detail: LooseText,
  message: LooseText,
});
export type Job = z.infer<typeof Job>;

/** "Webhooks vs Polling" names the endpoint. ASSUMPTION: the name of its field. */
export const AccountBody = z.object({ credits_remaining: z.number().optional().catch(undefined) });

/** ASSUMPTION: errors are `{ detail }` or `{ error: { message } }`; their schema was not readable. */
export function errorText(job: Job | undefined): string | undefined {
  return job?.error?.message ?? job?.detail ?? job?.message ?? undefined;
}

/**
 * ASSUMPTION: a 404 about an unknown job says that it is the job that is missing; no document shows
 * one. One that does not speak of a job may be about the path, or from somebody else.
 */
export function saysNoSuchJob(body: Job | undefined): boolean {
  const noSuch =
    /\b(job|task)\b.*\b(not found|unknown|expired|exist)|\b(no such|unknown) (job|task)\b/i;
  return noSuch.test(beginningOf(errorText(body)));
}

export function jobId(job: Job): string | undefined {
  return job.id ?? job.job_id ?? undefined;
}

/** The submission. Always asynchronous: the API documentation says that `wait` is true otherwise. */
export function submitBody(input: z.infer<typeof TryOnInput>, webhookUrl: string | undefined) {
  return {
    person_url: input.personImage,
    garment_urls: input.garmentImages,
    output_size: input.outputSize,
    seed: input.seed,
    webhook_url: webhookUrl,
    wait: false,
  };
}

/** What a job says. A status that no document names is a live one. */
export function observe(job: Job): Observation {
  const status = statusWord(job.status);
  if (status === 'completed') {
    const outcome = completedWith(job.result_url ? [job.result_url] : []);
    // API documentation: a signed link of S3. For how long it is good, only the link itself says.
    return { kind: 'final', outcome: expiring(outcome, signedUntil) };
  }
  if (status === 'failed') return { kind: 'final', outcome: failure(job) };
  return { kind: 'live', status };
}

/**
 * What an answer to a submission or a webhook says, whose fields are not all documented. Without its
 * result, a completed job counts as a live one there: the status check tells.
 */
export function observeInPassing(job: Job): Observation {
  const completed = statusWord(job.status) === 'completed';
  return completed && !job.result_url ? { kind: 'live', status: 'completed' } : observe(job);
}

/**
 * ASSUMPTION: failed jobs are permanent unless the text names a timeout or an internal fault, and the
 * code or the text says when the content was refused.
 */
const CAUSES: ReasonWords = [[/time[d -]*out|internal/i, 'provider_error'], ...MODERATION_WORDS];

function failure(job: Job) {
  const said = errorText(job);
  const code = reasonIn(said, CAUSES);
  return failed(code === 'provider_failed' ? reasonIn(job.error?.code, CAUSES) : code, said);
}
