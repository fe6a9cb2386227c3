import { Redis } from 'ioredis';
import { NAMESPACE } from './settings.ts';

/** What is still to be done in the pipeline, and what it gave up. */
export interface Backlog {
  /** Jobs that wait, run or are delayed (not rounds and callbacks), and debts in the schedule. */
  readonly open: number;
  /** Jobs in failed sets (but for those): they wait for a person. */
  readonly dead: number;
}

/**
 * A lost round is nobody's to mend: the next check of any worker adds another. The noisy tenant's
 * callbacks are tried for hours; whether the others were called back is asked of who was called.
 */
const APART = /:(poll-|subscriber-callback)/;
const LISTS = /:(wait|active|paused)$/;
const SETS = /:(delayed|prioritized)$|^[^:]*:due:/;

/** Reads it from Redis itself. @throws ioredis's error while Redis is away. */
export async function readBacklog(redisUrl: string): Promise<Backlog> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1, commandTimeout: 5_000 });
  redis.on('error', () => {});
  try {
    let open = 0;
    let dead = 0;
    for await (const found of redis.scanStream({ match: `{${NAMESPACE}}:*`, count: 5_000 })) {
      for (const key of found as string[]) {
        if (APART.test(key)) continue;
        if (/:failed$/.test(key)) dead += await redis.zcard(key);
        else if (LISTS.test(key)) open += await redis.llen(key);
        else if (SETS.test(key)) open += await redis.zcard(key);
      }
    }
    return { open, dead };
  } finally {
    redis.disconnect();
  }
}
