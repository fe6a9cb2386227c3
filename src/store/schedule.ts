import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { NotKnownHere } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import { owesCheck } from '../generation/standing.ts';
import type { Keys } from './keys.ts';
import { decodeRecord } from './record-format.ts';

/** What a round got: generations to deal with, and when to look again. */
interface Take {
  readonly due: readonly Generation[];
  /** Unix ms of the next due time, or of the next free poll; undefined when nothing is scheduled. */
  readonly nextAt: number | undefined;
  /** How many records are none; they stay leased, over and over. */
  readonly unreadable: number;
  /** How many records only newer code can read; once their lease is over a newer process may. */
  readonly newer: number;
}

export interface Schedule {
  /**
   * Takes what is due at `now` for `leaseMs`: if it is not saved with a new due time by then, it is
   * due again. Takes at most `most`, and of status checks at most what the provider's poll budget
   * allows at this moment, counted for all processes together: then those first that are most likely
   * to be done, or about to expire. All else that is owed has a budget of its own. One round trip.
   */
  takeDue(
    provider: string,
    limits: { now: number; leaseMs: number; most: number; pollsPerSecond: number },
  ): Promise<Take>;
  /** The earliest due time of each provider, in one round trip; undefined where nothing is due. */
  earliest(providers: readonly string[]): Promise<(number | undefined)[]>;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkTakeDue(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

/** Submissions and notices that may be lost, for each provider and the whole fleet. */
const OWED_PER_SECOND = 500;

const Answer = z.array(z.string()).nonempty();
const Range = z.array(z.string());

/** The schedule in which a generation stands, if it owes anything. */
export function scheduleOf(keys: Keys, g: Generation): string {
  return owesCheck(g) ? keys.checks(g.provider) : keys.owed(g.provider);
}

/** The sorted sets that say what must happen next. Written by the store, taken from here. */
export function createSchedule(options: { redis: Redis; keys: Keys }): Schedule {
  const { redis, keys } = options;
  const lua = readFileSync(new URL('./take-due.lua', import.meta.url), 'utf8');
  redis.defineCommand('catwalkTakeDue', { lua });

  return {
    async takeDue(provider, { now, leaseMs, most, pollsPerSecond }) {
      const scriptKeys = [
        ...[keys.checks(provider), keys.pollBudget(provider)],
        ...[keys.owed(provider), keys.owedBudget(provider)],
      ];
      const args = [now, leaseMs, most, pollsPerSecond, OWED_PER_SECOND].map(String);
      const answer = await redis.catwalkTakeDue(
        scriptKeys.length,
        ...scriptKeys,
        ...args,
        keys.records,
      );
      const [nextAt, ...records] = Answer.parse(answer);
      const reads = records.map(read);
      return {
        due: reads.filter((found) => typeof found === 'object'),
        nextAt: nextAt === '' ? undefined : Number(nextAt),
        unreadable: reads.filter((found) => found === 'unreadable').length,
        newer: reads.filter((found) => found === 'newer').length,
      };
    },

    async earliest(providers) {
      const pipeline = redis.pipeline();
      for (const provider of providers) {
        pipeline.zrange(keys.checks(provider), '0', '0', 'WITHSCORES');
        pipeline.zrange(keys.owed(provider), '0', '0', 'WITHSCORES');
      }
      const answers = (await pipeline.exec()) ?? [];
      const scores = answers.map(([error, range]) => {
        if (error) throw error;
        return Number(Range.parse(range)[1] ?? Number.POSITIVE_INFINITY);
      });
      return providers.map((_, i) => {
        const earliest = Math.min(scores[2 * i] ?? 0, scores[2 * i + 1] ?? 0);
        return Number.isFinite(earliest) ? earliest : undefined;
      });
    },
  };
}

function read(value: string): Generation | 'unreadable' | 'newer' {
  try {
    return decodeRecord(value);
  } catch (error) {
    return error instanceof NotKnownHere ? 'newer' : 'unreadable';
  }
}
