import { onTestFinished } from 'vitest';
import type { Generation } from '../../src/generation/generation.ts';
import { owesCheck } from '../../src/generation/standing.ts';
import { createStore } from '../../src/store/store.ts';
import { contentsOf } from './contents.ts';
import { NO_TURNS } from './no-turns.ts';
import { startOwnRedis } from './own-redis.ts';
import { connectTestRedis } from './redis.ts';

export const RETENTION_MS = 3_600_000;

/** A store on keys of its own, gone when the test ends. */
export function setupStore(url?: string) {
  const { redis, keys, another, close } = connectTestRedis(url);
  onTestFinished(close);
  const storeOn = (client = redis) =>
    createStore({
      redis: client,
      keys,
      retentionMs: RETENTION_MS,
      matchedByTask: new Set(),
      ...NO_TURNS,
    });
  return {
    redis,
    keys,
    another,
    store: storeOn(),
    /** The same records, as another process sees them. */
    rivalStore: () => storeOn(another()),
    dueOf: async (g: Generation): Promise<number | undefined> => {
      const schedule = owesCheck(g) ? keys.checks : keys.owed;
      const score = await redis.zscore(schedule(g.provider), g.id);
      return score === null ? undefined : Number(score);
    },
    contents: () => contentsOf(redis, keys.prefix),
  };
}

/** As `setupStore`, on a Redis of its own that may be made to fail. */
export async function setupStoreOnOwnRedis() {
  const own = await startOwnRedis();
  onTestFinished(own.stop);
  const world = setupStore(own.url);
  onTestFinished(own.cure);
  return { own, ...world };
}
