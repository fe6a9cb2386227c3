import {
  DelayedError,
  type Job,
  type RateLimiterOptions,
  UnrecoverableError,
  Worker,
} from 'bullmq';
import type { Redis } from 'ioredis';
import type { z } from 'zod';
import { type Logger, onceInAWhile } from '../../config/log.ts';
import { endConnection, endsWithin } from '../../config/orderly-stop.ts';
import {
  BUSY_DRAIN_DELAY_S,
  BUSY_FOR_MS,
  DELIVERY_BACKOFF_MS,
  WORKER_OPTIONS,
} from '../../config/queues.ts';
import { connectionErrors, isRedisBusy, needsSomebody } from '../../config/redis-errors.ts';
import { NotKnownHere, Retryable } from '../../generation/errors.ts';
import {
  codeIn,
  failureLine,
  isFinalTrouble,
  jobFailure,
  UNREADABLE,
} from '../../generation/job-failure.ts';
import { JOB_VERSIONS } from '../../generation/jobs.ts';
import { type Progress, trackProgress } from '../liveness/progress.ts';

/** What a processor may say instead of being done. It spends no attempt. */
export interface NotYet {
  /** Unix ms: run this job again then. */
  readonly notBefore: number;
}

export interface Stage<Payload> {
  readonly queue: string;
  readonly payload: z.ZodType<Payload>;
  /** The versions that `payload` reads; those of generation/jobs.ts unless told. */
  readonly versions?: readonly number[];
  /**
   * Runs at least once for every job, and sometimes twice at the same time: everything it does must
   * bear that. `name` is the job's.
   */
  readonly process: (payload: Payload, name: string) => Promise<NotYet | undefined>;
  readonly concurrency: number;
  /** Longer than `process` can take while Redis is there; absent where nobody can say. */
  readonly longestMs?: number;
  /** For queues with limits. Needed for `queue.rateLimit` to reach this worker at all. */
  readonly limiter?: RateLimiterOptions;
  /**
   * Its work is done in our own Redis: while that refuses, its jobs wait and spend no attempt. Not
   * for a subscriber, whose handler may mean another Redis.
   */
  readonly waitsForRedis?: true;
}

/** What the workers of one process have in common. */
export interface SharedParts {
  readonly connection: Redis;
  readonly prefix: string;
  readonly log: Logger;
  readonly now: () => number;
  /** From its end on, a job that fails is handed back: it failed because this process stops. */
  readonly shutdownSignal?: AbortSignal;
}

/** As often as a job is tried again while Redis refuses what it writes. */
const REDIS_WAIT_MS = 1_000;

export interface RunningWorker {
  readonly queue: string;
  /** The keys of its queue's jobs that nobody has taken. None exists while there are none. */
  readonly jobKeys: readonly string[];
  readonly progress: Pick<Progress, 'check' | 'trouble' | 'underWay'>;
  /**
   * Stops taking jobs and waits for those under way; not for longer than `withinMs`, if given. What
   * is still under way then is another worker's when its lock has run out.
   */
  stop(withinMs?: number): Promise<void>;
}

/**
 * A job of another version, or about something unknown here, waits for a worker that knows it. The
 * waits grow, because each start counts against the queue's rate limit; a new worker should not have
 * to wait for long either.
 */
const LEFT_FIRST_MS = 5_000;
const LEFT_LONGEST_MS = 30_000;

/** The code of what the `callback` subscriber throws when the app wants no more. */
const CALLBACK_GONE = 'callback_gone';

/** Where BullMQ keeps jobs before a worker takes them. */
const NOT_TAKEN = ['wait', 'prioritized', 'delayed'] as const;

/**
 * Runs one stage: the one place where our errors and "not yet" become BullMQ's behaviour. What no
 * retry can mend ends in the failed set at once; anything else (Redis away, a subscriber that
 * fails) is tried again by the queue's own attempts and backoff.
 */
export function runWorker<Payload>(stage: Stage<Payload>, shared: SharedParts): RunningWorker {
  const { now } = shared;
  const log = shared.log.child({ queue: stage.queue });
  const sayLeft = onceInAWhile((err) => log.warn({ err }, 'left to another process'));
  let stopping = false;

  async function run(job: Job<unknown>, token: string | undefined): Promise<void> {
    const putBack = async (notBefore: number): Promise<never> => {
      await job.moveToDelayed(notBefore, token);
      throw new DelayedError();
    };
    const leave = (why: Error): Promise<never> => {
      sayLeft(why);
      return putBack(now() + Math.min(LEFT_FIRST_MS * job.attemptsStarted, LEFT_LONGEST_MS));
    };

    // Fetched while this process was told to stop: nothing of it has begun.
    if (stopping) return putBack(now());
    const payload = stage.payload.safeParse(job.data);
    if (!payload.success) {
      const version = versionOf(job.data);
      if (version !== undefined && !(stage.versions ?? JOB_VERSIONS).includes(version)) {
        return leave(new NotKnownHere(`${job.id}: a job of version ${version}`));
      }
      throw new UnrecoverableError(failureLine(UNREADABLE));
    }
    let notYet: NotYet | undefined;
    try {
      notYet = await stage.process(payload.data, job.name);
    } catch (error) {
      if (error instanceof NotKnownHere) return leave(error);
      if (stage.waitsForRedis && isRedisBusy(error)) {
        log.warn({ job: job.id, err: error }, 'Redis takes nothing; tried again soon');
        return putBack(now() + REDIS_WAIT_MS);
      }
      if (isFinalTrouble(error) || !shared.shutdownSignal?.aborted) throw failed(error);
      log.info({ job: job.id, err: error }, 'handed back');
      return putBack(now());
    }
    if (notYet) await putBack(notYet.notBefore);
  }

  const progress = trackProgress({ ...stage, longestMs: stage.longestMs, couldTake, now });
  const worker = new Worker<unknown, void>(
    stage.queue,
    (job, token) => progress.during(() => run(job, token)),
    {
      connection: shared.connection,
      prefix: shared.prefix,
      concurrency: stage.concurrency,
      ...(stage.limiter && { limiter: stage.limiter }),
      ...WORKER_OPTIONS,
      settings: { backoffStrategy: deliveryBackoff },
    },
  );
  worker.on('error', connectionErrors(log, 'worker connection'));
  if (stage.limiter) checkOftenWhileBusy(worker);
  worker.on('stalled', (job) => log.warn({ job }, 'job taken over from a lost worker'));
  worker.on('failed', (job, err) => sayFailed(log, job, err));

  async function couldTake(): Promise<boolean> {
    const backend = worker.getBackend();
    // Delayed jobs whose time has come are moved by the workers themselves, by BullMQ's own clock.
    const waiting = await backend.getCounts([...NOT_TAKEN], Date.now());
    if (waiting.every((count) => count === 0)) return false;
    const [isPaused, isMaxed, limitedForMs] = await Promise.all([
      backend.hasQueueMetaField('paused'),
      backend.isMaxed(),
      backend.getRateLimitTtl(stage.limiter?.max),
    ]);
    return !isPaused && !isMaxed && limitedForMs <= 0;
  }

  async function stop(withinMs?: number): Promise<void> {
    stopping = true;
    // With Redis away, BullMQ's orderly close never ends. Without jobs there is nothing to wait for;
    // with some, Redis may be back in time for what they have to save.
    const isPointless = shared.connection.status !== 'ready' && progress.underWay() === 0;
    const closed = worker.close(isPointless);
    if (withinMs === undefined) return closed;
    if (await endsWithin(closed, withinMs)) return;
    log.warn({ underWay: progress.underWay() }, 'stopped without waiting any longer');
    // The other connection is the caller's.
    void worker.getBackend().blockingClient?.then(endConnection, () => {});
  }

  const jobKeys = NOT_TAKEN.map((state) => worker.toKey(state));
  return { queue: stage.queue, jobKeys, progress, stop };
}

/**
 * The one line of a failed attempt. Not every end is for somebody to look at: a callback URL that
 * answers 410 is an app that wants no more callbacks.
 */
function sayFailed(log: Logger, job: Job | undefined, err: Error): void {
  const thrown = err.cause instanceof Error ? err.cause : err;
  const line = { job: job?.id, attempt: job?.attemptsMade, err: thrown };
  const isOver = job?.finishedOn != null;
  // A Redis that does not understand us, or locks us out, is not waited out.
  if (!isOver) log[needsSomebody(thrown) ? 'error' : 'warn'](line, 'job failed');
  else if (codeIn(err.message) === CALLBACK_GONE) log.info(line, 'job given up');
  else log.error(line, 'job given up');
}

/** See BUSY_DRAIN_DELAY_S. BullMQ reads the option before each wait. */
function checkOftenWhileBusy(worker: Worker): void {
  let quiet: NodeJS.Timeout | undefined;
  worker.on('active', () => {
    worker.opts.drainDelay = BUSY_DRAIN_DELAY_S;
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      worker.opts.drainDelay = WORKER_OPTIONS.drainDelay;
    }, BUSY_FOR_MS).unref();
  });
}

/**
 * The error as BullMQ is to see it: it keeps the message and the stack of what it is thrown, tries
 * again unless told otherwise, and a handler of an app's own may tell it so too.
 */
function failed(error: unknown): Error {
  const line = failureLine(jobFailure(error));
  const isFinal = isFinalTrouble(error) || isUnrecoverable(error);
  const failure = isFinal ? new UnrecoverableError(line) : new Error(line);
  failure.cause = error;
  if (error instanceof Error && error.stack) failure.stack = error.stack;
  return failure;
}

/** By its name, as BullMQ itself tells: an app may have another copy of BullMQ. */
function isUnrecoverable(error: unknown): boolean {
  return error instanceof Error && error.name === UnrecoverableError.name;
}

function versionOf(data: unknown): number | undefined {
  const hasVersion = typeof data === 'object' && data !== null && 'v' in data;
  return hasVersion && typeof data.v === 'number' ? data.v : undefined;
}

/** Must never throw: BullMQ would leave the job active until it stalls. */
function deliveryBackoff(attemptsMade: number, _type?: string, error?: Error): number {
  const thrown = error?.cause;
  const asked = thrown instanceof Retryable ? thrown.retryAfterMs : undefined;
  const index = Math.min(Math.max(attemptsMade, 1), DELIVERY_BACKOFF_MS.length) - 1;
  const usual = (DELIVERY_BACKOFF_MS[index] ?? 60_000) * (0.8 + 0.4 * Math.random());
  return Math.round(Math.max(usual, asked ?? 0));
}
