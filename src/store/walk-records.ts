import type { Redis } from 'ioredis';
import { CatwalkError } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import type { Keys } from './keys.ts';
import { decodeRecord } from './record-format.ts';

/** Some of the records, in no order. */
export interface RecordPage {
  readonly generations: readonly Generation[];
  /** Records that this code cannot read, such as a newer version's. */
  readonly unreadable: number;
}

/** So many keys of any kind Redis looks at in one step; a few milliseconds at most. */
const KEYS_AT_A_TIME = 500;

/**
 * Every record that exists from the first page to the last is in at least one page, and may be in
 * two; one made meanwhile may be missing. Two short round trips a page, so that Redis serves others
 * in between; nothing is read ahead of the caller.
 */
export async function* walkRecords(options: {
  redis: Redis;
  keys: Keys;
}): AsyncGenerator<RecordPage> {
  const { redis, keys } = options;
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(
      cursor,
      'MATCH',
      `${keys.records}*`,
      'COUNT',
      KEYS_AT_A_TIME,
    );
    cursor = next;
    if (found.length > 0) yield pageOf(await redis.mget(found));
  } while (cursor !== '0');
}

function pageOf(values: readonly (string | null)[]): RecordPage {
  const generations: Generation[] = [];
  let unreadable = 0;
  for (const value of values) {
    // Its retention ended between the two round trips.
    if (value === null) continue;
    try {
      generations.push(decodeRecord(value));
    } catch (error) {
      if (!(error instanceof CatwalkError)) throw error;
      unreadable += 1;
    }
  }
  return { generations, unreadable };
}
