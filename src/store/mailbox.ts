import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import type { GenerationEvent } from '../generation/events.ts';
import { GenerationId } from '../generation/ids.ts';
import type { Keys } from './keys.ts';

/**
 * For providers with one webhook endpoint for the whole account: a delivery names only the
 * provider's task. It may come before the submit answer that tells whose task it is, and some are
 * about tasks that are not ours at all.
 */
export interface Mailbox {
  /**
   * Whose task this is; undefined when nobody knows (yet). Then the event is parked, and handed to
   * whoever saves that task; a foreign one expires by itself. One round trip.
   */
  match(
    provider: string,
    taskId: string,
    event: GenerationEvent,
  ): Promise<GenerationId | undefined>;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkPark(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

/** Longer than any submission takes to be answered and saved. */
const PARKED_MS = 3_600_000;
/** A task has a few statuses; more deliveries than this are repeats. */
const PARKED_MOST = 20;

export function createMailbox(options: { redis: Redis; keys: Keys }): Mailbox {
  const { redis, keys } = options;
  const lua = readFileSync(new URL('./park.lua', import.meta.url), 'utf8');
  redis.defineCommand('catwalkPark', { lua });

  return {
    async match(provider, taskId, event) {
      const scriptKeys = [keys.task(provider, taskId), keys.parked(provider, taskId)];
      const args = [JSON.stringify(event), String(PARKED_MS), String(PARKED_MOST)];
      const id = await redis.catwalkPark(scriptKeys.length, ...scriptKeys, ...args);
      return id === null ? undefined : GenerationId.parse(z.string().parse(id));
    },
  };
}
