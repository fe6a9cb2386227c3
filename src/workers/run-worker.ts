import { DelayedError, type RateLimiterOptions, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { z } from 'zod';
import { type Logger, onceInAWhile } from '../config/log.ts';
import { DELIVERY_BACKOFF_MS, LIMITED_DRAIN_DELAY_S, WORKER_OPTIONS } from '../config/queues.ts';
import { isRefusedForNow } from '../config/redis.ts';
import { Defect, InvalidRequest, NotKnownHere, Retryable, Terminal } from '../generation/errors.ts';

/** What a processor may say instead of being done. It spends no attempt. */
export interface NotYet {
  /** Unix ms: run this job again then. */
  readonly notBefore: number;
}

export interface Stage<Payload> {
  readonly queue: string;
  readonly payload: z.ZodType<Payload>;
  /**
   * Runs at least once for every job, and sometimes twice at the same time: everything it does must
   * bear that. `name` is the job's.
   */
  readonly process: (payload: Payload, name: string) => Promise<NotYet | undefined>;
  readonly concurrency: number;
  /** For queues with limits. Needed for `queue.rateLimit` to reach this worker at all. */
  readonly limiter?: RateLimiterOptions;
  /**
   * Its work is done in our own Redis: while that refuses, its jobs wait and spend no attempt. Not
   * for a subscriber, whose handler may mean another Redis.
   */
  readonly waitsForRedis?: true;
}

export interface RunningWorker {
  readonly queue: string;
  /** Stops taking jobs and waits for those under way. */
  stop(): Promise<void>;
}

/** A job of another version, or about an unknown model, waits for a worker that knows it. */
const OTHER_VERSION_WAIT_MS = 5_000;
/** As often as a job is tried again while Redis refuses what it writes. */
const REDIS_WAIT_MS = 1_000;

/**
 * Runs one stage: the one place where our errors and "not yet" become BullMQ's behaviour. What no
 * retry can mend ends in the failed set at once; anything else (Redis away, a subscriber that
 * fails) is tried again by the queue's own attempts and backoff.
 */
export function runWorker<Payload>(
  stage: Stage<Payload>,
  shared: { connection: Redis; prefix: string; log: Logger; now: () => number },
): RunningWorker {
  const log = shared.log.child({ queue: stage.queue });

  const worker = new Worker<unknown, void>(
    stage.queue,
    async (job, token) => {
      const delay = async (notBefore: number): Promise<never> => {
        await job.moveToDelayed(notBefore, token);
        throw new DelayedError();
      };

      const payload = stage.payload.safeParse(job.data);
      if (!payload.success) {
        if (isOtherVersion(job.data)) return delay(shared.now() + OTHER_VERSION_WAIT_MS);
        throw new UnrecoverableError('The job does not have the shape of its queue.');
      }
      let notYet: NotYet | undefined;
      try {
        notYet = await stage.process(payload.data, job.name);
      } catch (error) {
        if (error instanceof NotKnownHere) {
          log.warn({ job: job.id, err: error }, 'left to another process');
          return delay(shared.now() + OTHER_VERSION_WAIT_MS);
        }
        if (stage.waitsForRedis && isRefusedForNow(error)) {
          log.warn({ job: job.id, err: error }, 'Redis takes nothing; tried again soon');
          return delay(shared.now() + REDIS_WAIT_MS);
        }
        if (!isFinalTrouble(error)) throw error;
        log.error({ job: job.id, err: error }, 'job given up');
        throw new UnrecoverableError(`${error.code}: ${error.message}`);
      }
      if (notYet) await delay(notYet.notBefore);
    },
    {
      connection: shared.connection,
      prefix: shared.prefix,
      concurrency: stage.concurrency,
      ...(stage.limiter && { limiter: stage.limiter }),
      ...WORKER_OPTIONS,
      ...(stage.limiter && { drainDelay: LIMITED_DRAIN_DELAY_S }),
      settings: { backoffStrategy: deliveryBackoff },
    },
  );
  worker.on(
    'error',
    onceInAWhile((err) => log.warn({ err }, 'worker connection')),
  );
  worker.on('stalled', (job) => log.warn({ job }, 'job taken over from a lost worker'));
  worker.on('failed', (job, err) =>
    log.warn({ job: job?.id, attempt: job?.attemptsMade, err }, 'job failed'),
  );

  // With Redis away, BullMQ's orderly close never ends; there is nothing to hand back then.
  const stop = (): Promise<void> => worker.close(shared.connection.status !== 'ready');
  return { queue: stage.queue, stop };
}

function isFinalTrouble(error: unknown): error is Defect | Terminal | InvalidRequest {
  return error instanceof Defect || error instanceof Terminal || error instanceof InvalidRequest;
}

function isOtherVersion(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'v' in data && data.v !== 1;
}

/** Must never throw: BullMQ would leave the job active until it stalls. */
function deliveryBackoff(attemptsMade: number, _type?: string, error?: Error): number {
  const asked = error instanceof Retryable ? error.retryAfterMs : undefined;
  const index = Math.min(Math.max(attemptsMade, 1), DELIVERY_BACKOFF_MS.length) - 1;
  const usual = (DELIVERY_BACKOFF_MS[index] ?? 60_000) * (0.8 + 0.4 * Math.random());
  return Math.round(Math.max(usual, asked ?? 0));
}
