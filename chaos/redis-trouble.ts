import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisFault } from '../rig/redis/redis-faults.ts';

/** What a Redis that runs may do to its clients. Each is over when its call resolves. */

/** The scripts that it had been given are forgotten. */
export function flushScripts(url: string): Promise<void> {
  return withRedis(url, async (redis) => {
    await redis.script('FLUSH', 'SYNC');
  });
}

/** It is as `fault` says, for a while. */
export function trouble(url: string, fault: RedisFault, forMs: number): Promise<void> {
  return withRedis(url, async (admin) => {
    const end = await fault.begin({ admin });
    await wait(forMs);
    await end();
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
