import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Logger, onceInAWhile } from '../../config/log.ts';
import { endConnection, endsWithin } from '../../config/orderly-stop.ts';
import { BUSY_DRAIN_DELAY_S, BUSY_FOR_MS, WORKER_OPTIONS } from '../../config/queues.ts';
import { connectionErrors } from '../../config/redis-errors.ts';
import { type Progress, trackProgress } from '../liveness/progress.ts';
import { deliveryBackoff, sayFailed } from './job-failed.ts';
import { runJob } from './run-job.ts';
import type { SharedParts, Stage } from './stage.ts';

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

/** Where BullMQ keeps jobs before a worker takes them. */
const NOT_TAKEN = ['wait', 'prioritized', 'delayed'] as const;

/**
 * Runs one stage: the one place where our errors and "not yet" become BullMQ's behaviour. What no
 * retry can mend ends in the failed set at once; anything else (Redis away, a subscriber that
 * fails) is tried again by the queue's own attempts and backoff.
 */
export function runWorker<Payload>(stage: Stage<Payload>, shared: SharedParts): RunningWorker {
  const { now, connection } = shared;
  const log = shared.log.child({ queue: stage.queue });
  const sayLeft = onceInAWhile((err) => log.warn({ err }, 'left to another process'));
  let stopping = false;

  const couldTake = () => hasJobToTake(worker, stage.limiter?.max);
  const progress = trackProgress({ ...stage, longestMs: stage.longestMs, couldTake, now });
  const jobParts = { ...shared, stage, log, sayLeft, isStopping: () => stopping };
  const worker = new Worker<unknown, void>(
    stage.queue,
    (job, token) => progress.during(() => runJob(jobParts, { job, token })),
    {
      connection,
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

  const jobKeys = NOT_TAKEN.map((state) => worker.toKey(state));
  const stop = (withinMs?: number): Promise<void> => {
    stopping = true;
    return stopWorker({ worker, connection, progress, log }, withinMs);
  };
  return { queue: stage.queue, jobKeys, progress, stop };
}

/** Whether there is a job that any worker of this queue may take at this moment. */
async function hasJobToTake(worker: Worker, limiterMax: number | undefined): Promise<boolean> {
  const backend = worker.getBackend();
  // Delayed jobs whose time has come are moved by the workers themselves, by BullMQ's own clock.
  const waiting = await backend.getCounts([...NOT_TAKEN], Date.now());
  if (waiting.every((count) => count === 0)) return false;
  const [isPaused, isMaxed, limitedForMs] = await Promise.all([
    backend.hasQueueMetaField('paused'),
    backend.isMaxed(),
    backend.getRateLimitTtl(limiterMax),
  ]);
  return !isPaused && !isMaxed && limitedForMs <= 0;
}

async function stopWorker(
  parts: { worker: Worker; connection: Redis; progress: Progress; log: Logger },
  withinMs: number | undefined,
): Promise<void> {
  const { worker, connection, progress, log } = parts;
  // With Redis away, BullMQ's orderly close never ends. Without jobs there is nothing to wait for;
  // with some, Redis may be back in time for what they have to save.
  const isPointless = connection.status !== 'ready' && progress.underWay() === 0;
  const closed = worker.close(isPointless);
  if (withinMs === undefined) return closed;
  if (await endsWithin(closed, withinMs)) return;
  log.warn({ underWay: progress.underWay() }, 'stopped without waiting any longer');
  // The other connection is the caller's.
  void worker.getBackend().blockingClient?.then(endConnection, () => {});
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
