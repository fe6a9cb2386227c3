import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import type { Generation } from '../generation/generation.ts';
import type { Keys } from './keys.ts';
import { scheduleOf } from './schedule.ts';

/** A record that owes something, as it was read. */
export type Owing = Generation & { dueAt: number };

interface RescheduleItem {
  readonly generation: Owing;
  /** Due at this moment (Unix ms) unless it is due earlier; without it, at the record's own. */
  readonly soonerAt?: number;
}

/** `moved-on`: the record is not the one that was read any more, and nothing was changed. */
export type Rescheduled = 'put-back' | 'sooner' | 'kept' | 'moved-on';

/** For repairs by hand: the schedule is otherwise written with the record, by the store. */
export interface Reschedule {
  /** Which of these their schedules do not hold, in the order asked. Reads only. One round trip. */
  missing(generations: readonly Owing[]): Promise<boolean[]>;
  /**
   * Puts back what is missing, and moves forward what has `soonerAt`; never the other way. A second
   * call changes nothing. One round trip; each item stands for itself.
   */
  apply(items: readonly RescheduleItem[]): Promise<Rescheduled[]>;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkReschedule(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const Answers = z.array(z.enum(['put-back', 'sooner', 'kept', 'moved-on']));

export function createReschedule(options: { redis: Redis; keys: Keys }): Reschedule {
  const { redis, keys } = options;
  const lua = readFileSync(new URL('./reschedule.lua', import.meta.url), 'utf8');
  redis.defineCommand('catwalkReschedule', { lua });

  return {
    async missing(generations) {
      const pipeline = redis.pipeline();
      for (const generation of generations)
        pipeline.zscore(scheduleOf(keys, generation), generation.id);
      const answers = (await pipeline.exec()) ?? [];
      return answers.map(([error, score]) => {
        if (error) throw error;
        return score === null;
      });
    },

    async apply(items) {
      if (items.length === 0) return [];
      const scriptKeys = items.flatMap(({ generation: g }) => [
        keys.record(g.id),
        scheduleOf(keys, g),
      ]);
      const args = items.flatMap(({ generation: g, soonerAt }) => {
        const due = Math.min(g.dueAt, soonerAt ?? Number.POSITIVE_INFINITY);
        return [g.id, String(g.version), String(due), soonerAt === undefined ? '' : '1'];
      });
      return Answers.parse(
        await redis.catwalkReschedule(scriptKeys.length, ...scriptKeys, ...args),
      );
    },
  };
}
