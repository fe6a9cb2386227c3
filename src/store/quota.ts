import type { ChainableCommander, Redis } from 'ioredis';
import { z } from 'zod';
import { coalesce } from './coalesce.ts';
import type { Keys } from './keys.ts';

/**
 * What the fleet knows of a provider's limits beyond what is documented: found by refusals, stated by
 * its answers, and what is left to spend. One small hash for each provider, and none where nobody
 * learned anything; written when that changes, never for a single generation.
 */
const Found = z.object({ limit: z.number(), since: z.number(), refusedAt: z.number() });
const Stated = z.object({
  limit: z.number().optional(),
  windowMs: z.number().optional(),
  remaining: z.number().optional(),
  resetAt: z.number().optional(),
  at: z.number().optional(),
});
const Balance = z.object({
  left: z.number(),
  at: z.number(),
  sent: z.number(),
  price: z.number().optional(),
});

/** Each is absent while nobody knows it. A value of another shape counts as absent. */
const Fields = {
  /** Submissions in a window of the documented limit. */
  submits: Found,
  /** Tasks at once. */
  running: Found,
  stated: Stated,
  balance: Balance,
  /** What somebody was told last about that, and when (Unix ms). */
  alarm: z.object({ standing: z.string(), at: z.number() }),
} as const;
type Field = keyof typeof Fields;
type Values = { readonly [F in Field]?: z.infer<(typeof Fields)[F]> | undefined };

export interface Quota extends Values {
  /** How many submissions were accepted, ever; a little behind. */
  readonly sent: number;
}

export interface Quotas {
  /** Those asked for in one turn of the event loop share a round trip. */
  read(provider: string): Promise<Quota>;
  /** What two processes learn from the same answers is nearly the same: the last one stays. */
  learn(provider: string, values: Values): Promise<void>;
  /** Counts accepted submissions. */
  countSent(provider: string, count: number): Promise<void>;
  /** Whether this process looks after the provider for `forMs` from now; one of the fleet does. */
  lead(provider: string, forMs: number): Promise<boolean>;
}

/** What nobody used for so long is learned anew. */
const LIFETIME_MS = 7 * 24 * 3_600_000;

/** The quotas in Redis. */
export function createQuotas({ redis, keys }: { redis: Redis; keys: Keys }): Quotas {
  const read = coalesce(async (providers: string[]) => {
    const pipeline = redis.pipeline();
    for (const provider of providers) pipeline.hgetall(keys.quota(provider));
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, stored]) => {
      if (error) throw error;
      return quotaOf(z.record(z.string(), z.string()).parse(stored));
    });
  });

  return {
    read,
    async learn(provider, values) {
      const known = Object.entries(values).filter(([, value]) => value !== undefined);
      if (known.length === 0) return;
      const stored = Object.fromEntries(
        known.map(([field, value]) => [field, JSON.stringify(value)]),
      );
      const key = keys.quota(provider);
      await allDone(redis.pipeline().hset(key, stored).pexpire(key, LIFETIME_MS));
    },
    async countSent(provider, count) {
      const key = keys.quota(provider);
      await allDone(redis.pipeline().hincrby(key, 'sent', count).pexpire(key, LIFETIME_MS));
    },
    async lead(provider, forMs) {
      const name = `${process.pid}`;
      return (await redis.set(keys.quotaLease(provider), name, 'PX', forMs, 'NX')) === 'OK';
    },
  };
}

async function allDone(pipeline: ChainableCommander): Promise<void> {
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

function quotaOf(stored: Readonly<Record<string, string>>): Quota {
  const value = <F extends Field>(field: F): Values[F] => {
    try {
      // Its schema is the one of that field.
      return Fields[field].safeParse(JSON.parse(stored[field] ?? 'null')).data as Values[F];
    } catch {
      return undefined;
    }
  };
  return {
    submits: value('submits'),
    running: value('running'),
    stated: value('stated'),
    balance: value('balance'),
    alarm: value('alarm'),
    sent: Number(stored['sent'] ?? 0) || 0,
  };
}
