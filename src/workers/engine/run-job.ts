import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq';
import { isRedisBusy } from '../../config/redis-errors.ts';
import { NotKnownHere } from '../../generation/errors.ts';
import { failureLine, isFinalTrouble, UNREADABLE } from '../../generation/job-failure.ts';
import { JOB_VERSIONS } from '../../generation/jobs.ts';
import { failed } from './job-failed.ts';
import type { NotYet, SharedParts, Stage } from './stage.ts';

/** As often as a job is tried again while Redis refuses what it writes. */
const REDIS_WAIT_MS = 1_000;

/**
 * A job of another version, or about something unknown here, waits for a worker that knows it. The
 * waits grow, because each start counts against the queue's rate limit; a new worker should not have
 * to wait for long either.
 */
const LEFT_FIRST_MS = 5_000;
const LEFT_LONGEST_MS = 30_000;

interface JobParts<Payload> extends Omit<SharedParts, 'connection' | 'prefix'> {
  readonly stage: Stage<Payload>;
  /** Says now and then that a job was left to another process. */
  readonly sayLeft: (why: Error) => void;
  /** Whether this worker was told to stop. */
  readonly isStopping: () => boolean;
}

/** A job, and the lock that this worker has on it. */
interface Taken {
  readonly job: Job<unknown>;
  readonly token: string | undefined;
}

/**
 * Runs one job. Resolves when it is done.
 * @throws DelayedError or WaitingError when it has been put back, which spends no attempt; otherwise what BullMQ is
 *   to see of its failure.
 */
export async function runJob<Payload>(parts: JobParts<Payload>, taken: Taken): Promise<void> {
  const { stage, now } = parts;
  // Fetched while this process was told to stop: nothing of it has begun.
  if (parts.isStopping()) return putBack(taken, now());
  const payload = stage.payload.safeParse(taken.job.data);
  if (!payload.success) return refuseUnreadable(parts, taken);
  const { name, attemptsMade, opts } = taken.job;
  let notYet: NotYet | undefined;
  try {
    const tries = { made: attemptsMade, most: opts.attempts ?? 1 };
    notYet = await stage.process(payload.data, name, tries);
  } catch (error) {
    return endWithError(parts, taken, error);
  }
  if (notYet?.atHead) await putAtHead(taken);
  if (notYet) await putBack(taken, notYet.notBefore);
}

async function refuseUnreadable<Payload>(parts: JobParts<Payload>, taken: Taken): Promise<never> {
  const { data, id } = taken.job;
  const version = versionOf(data);
  if (version !== undefined && !(parts.stage.versions ?? JOB_VERSIONS).includes(version)) {
    return leave(parts, taken, new NotKnownHere(`${id}: a job of version ${version}`));
  }
  throw new UnrecoverableError(failureLine(UNREADABLE));
}

async function endWithError<Payload>(
  parts: JobParts<Payload>,
  taken: Taken,
  error: unknown,
): Promise<never> {
  const { stage, now, log, shutdownSignal } = parts;
  const line = { job: taken.job.id, err: error };
  if (error instanceof NotKnownHere) return leave(parts, taken, error);
  if (stage.waitsForRedis && isRedisBusy(error)) {
    log.warn(line, 'Redis takes nothing; tried again soon');
    return putBack(taken, now() + REDIS_WAIT_MS);
  }
  if (isFinalTrouble(error) || !shutdownSignal?.aborted) throw failed(error);
  log.info(line, 'handed back');
  return putBack(taken, now());
}

/** To a worker that knows it. */
function leave<Payload>(parts: JobParts<Payload>, taken: Taken, why: Error): Promise<never> {
  parts.sayLeft(why);
  const waitMs = Math.min(LEFT_FIRST_MS * taken.job.attemptsStarted, LEFT_LONGEST_MS);
  return putBack(taken, parts.now() + waitMs);
}

async function putBack({ job, token }: Taken, notBefore: number): Promise<never> {
  await job.moveToDelayed(notBefore, token);
  throw new DelayedError();
}

async function putAtHead({ job, token }: Taken): Promise<never> {
  await job.moveToWait(token);
  throw new WaitingError();
}

function versionOf(data: unknown): number | undefined {
  const hasVersion = typeof data === 'object' && data !== null && 'v' in data;
  return hasVersion && typeof data.v === 'number' ? data.v : undefined;
}
