import type { Redis } from 'ioredis';
import type { Logger } from '../config/log.ts';
import { NoRoom } from '../generation/errors.ts';
import type { Keys } from './keys.ts';

/** Holds back what is new while Redis is too full. What was accepted is never asked about. */
export interface MemoryBrake {
  /**
   * Before a new generation is stored. A repeat of what was accepted before passes.
   * @throws NoRoom
   */
  admit(asked: { tenant: string; onceKey: string | undefined }): Promise<void>;
}

/** Memory, as Redis counts it against its `maxmemory`. */
export interface MemoryUse {
  readonly usedBytes: number;
  /** 0: Redis has no limit. */
  readonly maxBytes: number;
  /** What the generations that have not ended will still need. */
  readonly owedBytes: number;
}

/** How old what is known of Redis's memory may be. */
const LOOK_EVERY_MS = 1_000;
const RETRY_AFTER_MS = 15_000;
const SAY_EVERY_MS = 30_000;

/**
 * What a generation that waits may grow by until everybody is told: its record, by its result; and
 * each subscriber's job, which holds no more of a record than the record itself, and this of its own.
 * `npm run bench -- memory` measures them: a little less.
 */
const GROWTH = { recordBytes: 2_560, jobBytes: 2_048 } as const;
/** Records of each provider that are weighed to know the others. */
const SAMPLE = 4;

/**
 * New generations are refused while more than `share` of `maxmemory` is used, and also before that,
 * when what is accepted and has not ended would not find the room that it still needs: after a flood
 * of requests nearly everything is still to come. Looks at Redis when it is asked, and never more
 * than once a second.
 * @param parts.share of `maxmemory`; 0 never refuses.
 */
export function createMemoryBrake(parts: {
  redis: Redis;
  keys: Keys;
  providers: ReadonlyMap<string, unknown>;
  share: number;
  log: Logger;
}): MemoryBrake {
  const { redis, keys, providers, share, log } = parts;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<boolean> | undefined;
  let isFull = false;
  let saidAt = Number.NEGATIVE_INFINITY;

  async function look(): Promise<boolean> {
    try {
      const use = await memoryUse(redis, keys, providers.keys());
      const wasFull = isFull;
      isFull = isTooFull(use, share);
      say(use, wasFull);
    } finally {
      lookedAt = performance.now();
      looking = undefined;
    }
    return isFull;
  }

  function say(use: MemoryUse, wasFull: boolean): void {
    if (isFull && (!wasFull || performance.now() - saidAt >= SAY_EVERY_MS)) {
      saidAt = performance.now();
      log.error({ ...use, share }, 'Redis memory: new generations are refused');
    }
    if (wasFull && !isFull) log.info({ ...use, share }, 'Redis memory: new ones are taken again');
  }

  return {
    async admit({ tenant, onceKey }) {
      if (share === 0) return;
      const isFresh = performance.now() - lookedAt < LOOK_EVERY_MS;
      // Where Redis does not say, it takes no record either, and says why.
      if (!isFresh) looking ??= look().catch(() => false);
      if (!(isFresh ? isFull : await looking)) return;
      if (onceKey && (await redis.exists(keys.idempotency(tenant, onceKey))) === 1) return;
      throw new NoRoom(
        'Redis is too full for new generations. What was accepted goes on; try again later.',
        RETRY_AFTER_MS,
      );
    },
  };
}

/** Two round trips; one while everything has ended. */
export async function memoryUse(
  redis: Redis,
  keys: Keys,
  providers: Iterable<string>,
): Promise<MemoryUse> {
  const schedules = [...providers].flatMap((name) => [keys.checks(name), keys.owed(name)]);
  const [info, subscribers, ...open] = await Promise.all([
    redis.info('memory'),
    redis.scard(keys.subscribers),
    ...schedules.map(async (schedule) => {
      const count = await redis.zcard(schedule);
      return { count, recordBytes: count > 0 ? await meanRecord(redis, keys, schedule) : 0 };
    }),
  ]);
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  // The callback is one more who may have to be told.
  const growth = (recordBytes: number): number =>
    GROWTH.recordBytes + (subscribers + 1) * (GROWTH.jobBytes + recordBytes);
  return {
    usedBytes: field('used_memory') - field('mem_not_counted_for_evict'),
    maxBytes: field('maxmemory'),
    owedBytes: open.reduce((sum, { count, recordBytes }) => sum + count * growth(recordBytes), 0),
  };
}

/** Of those of one schedule: they have not ended. */
async function meanRecord(redis: Redis, keys: Keys, schedule: string): Promise<number> {
  const ids = await redis.zrandmember(schedule, SAMPLE);
  const sizes = await Promise.all([ids].flat().map((id) => redis.strlen(keys.record(id))));
  return Math.round(sizes.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, sizes.length));
}

function isTooFull({ usedBytes, maxBytes, owedBytes }: MemoryUse, share: number): boolean {
  if (maxBytes === 0) return false;
  return usedBytes > share * maxBytes || usedBytes + owedBytes > maxBytes;
}
