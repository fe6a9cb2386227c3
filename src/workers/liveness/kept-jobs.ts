import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { DONE_JOBS_KEPT_S } from '../../config/queues.ts';

/** The jobs of a queue that are kept for later, and how many of their size may be. */
export interface KeptJobs {
  readonly jobs: number;
  readonly bytes: number;
  readonly most: number;
}

/** Of the dead letters of a queue, and of what waits for an abandoned subscriber. */
const MOST_BYTES = 64 * 1024 ** 2;
/** Jobs that are weighed to know the others. */
const SAMPLE = 20;
/** Jobs removed at a time: Redis does nothing else meanwhile. */
const REMOVED_AT_ONCE = 1_000;

/** @param most by number; bytes bound it too. */
export async function weigh(
  redis: Redis,
  queue: Queue,
  states: ('failed' | 'wait' | 'delayed')[],
  most: number,
): Promise<KeptJobs> {
  const jobs = await queue.getJobCountByTypes(...states);
  if (jobs === 0) return { jobs, bytes: 0, most };
  const ids = await queue.getRanges(states, 0, SAMPLE - 1);
  const sizes = await Promise.all(
    ids.map((id) => redis.memory('USAGE', queue.toKey(id), 'SAMPLES', 0)),
  );
  const weighed = sizes.filter((bytes) => bytes !== null);
  const each = weighed.reduce((sum, bytes) => sum + bytes, 1) / Math.max(1, weighed.length);
  return {
    jobs,
    bytes: Math.round(jobs * each),
    most: Math.min(most, Math.max(1, Math.floor(MOST_BYTES / each))),
  };
}

/** @returns how many it removed. */
export async function dropOldestDead(queue: Queue, count: number): Promise<number> {
  let dropped = 0;
  while (dropped < count) {
    const some = Math.min(REMOVED_AT_ONCE, count - dropped);
    const { length } = await queue.clean(0, some, 'failed');
    if (length === 0) break;
    dropped += length;
  }
  return dropped;
}

/** Those past their time, which BullMQ removes only when another one is done. */
export async function removeDone(redis: Redis, queue: Queue): Promise<void> {
  // By BullMQ's own clock, which gave them their time.
  const before = Date.now() - DONE_JOBS_KEPT_S * 1_000;
  if ((await redis.zcount(queue.toKey('completed'), '-inf', before)) === 0) return;
  await queue.clean(DONE_JOBS_KEPT_S * 1_000, REMOVED_AT_ONCE, 'completed');
}
