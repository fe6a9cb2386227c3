import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** When each subscriber was last known to be run by a process. */
export interface ServedTimes {
  /** It is being run now. */
  note(name: string): Promise<void>;
  /**
   * Of each of `names`, Unix ms. One that was never noted counts from now on, for it may have been
   * registered by older code.
   */
  of(names: readonly string[]): Promise<Map<string, number>>;
}

export function createServedTimes(parts: {
  redis: Redis;
  keys: Keys;
  now: () => number;
}): ServedTimes {
  const { redis, keys, now } = parts;
  const key = keys.subscribersServed;
  return {
    async note(name) {
      await redis.hset(key, name, now());
    },
    async of(names) {
      const known = await redis.hgetall(key);
      const strangers = names.filter((name) => known[name] === undefined);
      await Promise.all(strangers.map((name) => redis.hsetnx(key, name, now())));
      // A subscriber that was removed is forgotten here, and counts anew when it is back.
      const gone = Object.keys(known).filter((name) => !names.includes(name));
      if (gone.length > 0) await redis.hdel(key, ...gone);
      return new Map(names.map((name) => [name, Number(known[name] ?? now())]));
    },
  };
}
