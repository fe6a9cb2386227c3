import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { NotKnownHere } from '../generation/errors.ts';
import { isFinal } from '../generation/generation.ts';
import { coalesce } from './coalesce.ts';
import type { Keys } from './keys.ts';
import type { Read } from './record-format.ts';

/**
 * The places of one provider that works on so many tasks at once and refuses more: every generation
 * that may be running there holds one, counted for the whole fleet. One is taken before the send;
 * from then on the script that saves a record keeps or frees its place in the same step.
 */
export interface Places {
  /**
   * Whether it has a place now, of the `limit` that there are: its own from before, or a free one.
   * Those of one turn of the event loop travel together.
   */
  take(id: string): Promise<boolean>;
  /** It has no use for its place after all. */
  giveBack(id: string): Promise<void>;
  /**
   * Frees the places of what does not run: it ended, is gone, took one and was never sent, or nobody
   * has known of it for long. Such are left by a crash between two steps, or by a release that knows
   * no places.
   * @returns how many.
   */
  heal(): Promise<number>;
}

/**
 * Where the answer to a submission was lost, its task may be running for so long: FASHN's slowest model
 * takes two minutes ("try-on max", read 2026-11-20). Kept for longer, a few such would stop a provider.
 */
const UNSURE_FOR_MS = 120_000;
/** A place that a queued generation has held for so long was forgotten: sends take seconds. */
const FORGOTTEN_AFTER_MS = 300_000;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkPlacesTake(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkPlacesFree(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const read = (name: string): string =>
  readFileSync(new URL(`./places-${name}.lua`, import.meta.url), 'utf8');

/** @param options.limit how many there are at this moment; asked at every look. */
export function createPlaces(options: {
  redis: Redis;
  keys: Keys;
  store: { loadAll(ids: readonly string[]): Promise<Read[]> };
  provider: string;
  limit: () => number;
  now: () => number;
}): Places {
  const { redis, store, limit, now } = options;
  const key = options.keys.running(options.provider);
  redis.defineCommand('catwalkPlacesTake', { lua: read('take') });
  redis.defineCommand('catwalkPlacesFree', { lua: read('free') });

  const take = coalesce(async (ids: string[]) => {
    const args = [limit(), now()].map(String);
    const answers = await redis.catwalkPlacesTake(1, key, ...args, ...ids);
    return z.array(z.number()).parse(answers);
  });

  /** Whether this one certainly has no task at the provider. */
  function isIdle(found: Read, takenAt: number): boolean {
    if (found === undefined) return true;
    // Nobody here can say.
    if (found instanceof Error) return !(found instanceof NotKnownHere);
    if (found.state === 'queued') return now() - takenAt > FORGOTTEN_AFTER_MS;
    if (found.state === 'unconfirmed') return now() - takenAt > UNSURE_FOR_MS;
    return isFinal(found);
  }

  return {
    take: async (id) => (await take(id)) === 1,
    giveBack: async (id) => {
      await redis.zrem(key, id);
    },
    async heal() {
      const flat = await redis.zrange(key, '0', '-1', 'WITHSCORES');
      const held = flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, at: flat[i + 1] ?? '' }] : []));
      const records = await store.loadAll(held.map(({ id }) => id));
      const idle = held.filter(({ at }, i) => isIdle(records[i], Number(at)));
      if (idle.length === 0) return 0;
      const args = idle.flatMap(({ id, at }) => [id, at]);
      return z.number().parse(await redis.catwalkPlacesFree(1, key, ...args));
    },
  };
}

/** How many tasks of a provider may be running, as far as we know. */
export function countRunning(redis: Redis, keys: Keys, provider: string): Promise<number> {
  return redis.zcard(keys.running(provider));
}
