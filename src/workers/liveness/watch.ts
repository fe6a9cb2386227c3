import type { Redis } from 'ioredis';
import type { Logger } from '../../config/log.ts';
import { isRedisBusy } from '../../config/redis-errors.ts';
import type { RunningWorker } from '../engine/run-worker.ts';
import type { Tick } from './tick.ts';

/** Whether this process still gets on with its work; what `/livez` answers. */
export interface Watch {
  /** Why it should be restarted, in words; empty while it should not. */
  problems(): string[];
  /** Done every 15 s by itself. Never rejects. */
  check(): Promise<void>;
  stop(): void;
}

/** One Redis command while all queues are empty; often enough for a limit of a minute. */
const CHECK_EVERY_MS = 15_000;
/** The tick asks every other second; so long without an answer means that this process is stuck. */
const TICK_LOST_AFTER_MS = 60_000;

/**
 * Watches the workers of a process from within: the tick must be answered, no job may take longer
 * than its stage can, and no worker may stand idle while jobs wait. None of this counts while Redis
 * is away or takes no writes, nor from before: a restart mends no outage.
 */
export function startWatch(parts: {
  tick: Pick<Tick, 'lastSeenAt'>;
  redis: Redis;
  workers: readonly Pick<RunningWorker, 'progress' | 'jobKeys'>[];
  /** A key to write, to see whether Redis takes writes. */
  writeCheckKey: string;
  log: Logger;
  now?: () => number;
}): Watch {
  const { tick, redis, workers, writeCheckKey, log, now = Date.now } = parts;
  let backAt = Number.NEGATIVE_INFINITY;
  let busy = false;
  let said = '';

  const onReady = (): void => {
    backAt = now();
  };
  redis.on('ready', onReady);

  function problems(): string[] {
    if (redis.status !== 'ready') return [];
    const isTickLost = now() - Math.max(tick.lastSeenAt(), backAt) >= TICK_LOST_AFTER_MS;
    return [
      ...(isTickLost ? ['Redis is connected, and answers no check'] : []),
      ...workers.flatMap(({ progress }) => progress.trouble(backAt) ?? []),
    ];
  }

  async function check(): Promise<void> {
    if (busy || redis.status !== 'ready') return;
    busy = true;
    // What Redis does not say now, the next check will.
    const anyJobs = await anyExist(workers.flatMap(({ jobKeys }) => jobKeys)).catch(() => false);
    const isWorking = workers.some(({ progress }) => progress.underWay() > 0);
    if ((anyJobs || isWorking) && (await refusesWrites())) backAt = now();
    await Promise.all(workers.map(({ progress }) => progress.check(anyJobs)));
    busy = false;
    const found = problems();
    if (found.length > 0 && found.join() !== said) log.error({ problems: found }, 'wedged');
    said = found.join();
  }

  const refusesWrites = (): Promise<boolean> =>
    redis.set(writeCheckKey, '1', 'PX', CHECK_EVERY_MS).then(() => false, isRedisBusy);

  const anyExist = async (keys: readonly string[]): Promise<boolean> =>
    keys.length > 0 && (await redis.exists(...keys)) > 0;

  const timer = setInterval(() => void check(), CHECK_EVERY_MS);
  return {
    problems,
    check,
    stop: () => {
      clearInterval(timer);
      redis.off('ready', onReady);
    },
  };
}
