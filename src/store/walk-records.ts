import type { Redis } from 'ioredis';
import { CatwalkError } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import type { Keys } from './keys.ts';
import { decoded, type Read } from './record-format.ts';

/** Some of the records, in no order. */
export interface RecordPage {
  readonly generations: readonly Generation[];
  /** Records that this code cannot read: newer code wrote them, or they are damaged. */
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
    if (found.length > 0) yield pageOf((await redis.mget(found)).map(decoded));
  } while (cursor !== '0');
}

/** What was read, as a page. What is not there, or not there any more, counts for nothing. */
export function pageOf(reads: readonly Read[]): RecordPage {
  const there = reads.filter((read) => read !== undefined);
  const generations = there.filter((read): read is Generation => !(read instanceof CatwalkError));
  return { generations, unreadable: there.length - generations.length };
}
