import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** What a Redis that runs may do to its clients. Each is over when its call resolves. */

/** The scripts that it had been given are forgotten. */
export function flushScripts(url: string): Promise<void> {
  return withRedis(url, async (redis) => {
    await redis.script('FLUSH', 'SYNC');
  });
}

/**
 * Refuses every write, as a primary that was demoted. It has no primary that could be reached, so it
 * keeps what it has.
 */
export function makeReadOnly(url: string, forMs: number): Promise<void> {
  return withRedis(url, async (redis) => {
    // Port 1 is reserved, and nobody listens there.
    await redis.replicaof('127.0.0.1', 1);
    await wait(forMs);
    await redis.replicaof('NO', 'ONE');
  });
}

/** Has less memory than it uses, and so refuses what would need more. */
export function fillMemory(url: string, forMs: number): Promise<void> {
  return withRedis(url, async (redis) => {
    const used = /^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1];
    await redis.config('SET', 'maxmemory', Math.floor(Number(used) * 0.9));
    await wait(forMs);
    await redis.config('SET', 'maxmemory', 0);
  });
}

async function withRedis(url: string, use: (redis: Redis) => Promise<void>): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => {});
  try {
    await use(redis);
  } finally {
    redis.disconnect();
  }
}
