import { type Job, UnrecoverableError } from 'bullmq';
import type { Logger } from '../../config/log.ts';
import { DELIVERY_BACKOFF_MS } from '../../config/queues.ts';
import { needsSomebody } from '../../config/redis-errors.ts';
import { Retryable } from '../../generation/errors.ts';
import { codeIn, failureLine, isFinalTrouble, jobFailure } from '../../generation/job-failure.ts';
import { triesBefore } from '../../generation/jobs.ts';

/**
 * What callbacks end with that is nobody's to look at: the app wants no more; the endpoint is
 * disabled, which was said when it was.
 */
const QUIET_ENDS: readonly (string | undefined)[] = ['callback_gone', 'callback_disabled'];

/**
 * The error as BullMQ is to see it: it keeps the message and the stack of what it is thrown, tries
 * again unless told otherwise, and a handler of an app's own may tell it so too.
 */
export function failed(error: unknown): Error {
  const line = failureLine(jobFailure(error));
  const isFinal = isFinalTrouble(error) || isUnrecoverable(error);
  const failure = isFinal ? new UnrecoverableError(line) : new Error(line);
  failure.cause = error;
  if (error instanceof Error && error.stack) failure.stack = error.stack;
  return failure;
}

/**
 * The one line of a failed attempt. Not every end is for somebody to look at: a callback URL that
 * answers 410 is an app that wants no more callbacks.
 */
export function sayFailed(log: Logger, job: Job | undefined, err: Error): void {
  const thrown = err.cause instanceof Error ? err.cause : err;
  const line = { job: job?.id, attempt: job?.attemptsMade, err: thrown };
  const isOver = job?.finishedOn != null;
  // A Redis that does not understand us, or locks us out, is not waited out.
  if (!isOver) log[needsSomebody(thrown) ? 'error' : 'warn'](line, 'job failed');
  else if (QUIET_ENDS.includes(codeIn(err.message))) log.info(line, 'job given up');
  else log.error(line, 'job given up');
}

/** By its name, as BullMQ itself tells: an app may have another copy of BullMQ. */
function isUnrecoverable(error: unknown): boolean {
  return error instanceof Error && error.name === UnrecoverableError.name;
}

/** Must never throw: BullMQ would leave the job active until it stalls. */
export function deliveryBackoff(
  attemptsMade: number,
  _type?: string,
  error?: Error,
  job?: { readonly data?: unknown },
): number {
  const tries = attemptsMade + triesBefore(job?.data);
  const thrown = error?.cause;
  const asked = thrown instanceof Retryable ? thrown.retryAfterMs : undefined;
  const index = Math.min(Math.max(tries, 1), DELIVERY_BACKOFF_MS.length) - 1;
  const usual = (DELIVERY_BACKOFF_MS[index] ?? 60_000) * (0.8 + 0.4 * Math.random());
  return Math.round(Math.max(usual, asked ?? 0));
}
