import type { Redis } from 'ioredis';
import { type BalanceLimits, type Standing, standingOf } from '../generation/balance.ts';
import { limitAt, RUNNING_WINDOW_MS, submitCeiling } from '../generation/found-limit.ts';
import type { StatedLimit } from '../outbound/stated-limits.ts';
import type { ProviderAdapter, ProviderLimits } from '../providers/provider.ts';
import type { Keys } from '../store/keys.ts';
import { createQuotas, type Quota } from '../store/quota.ts';
import { countRunning } from '../store/turns.ts';

/** What the fleet knows of a provider's limits at this moment, as the API shows it; `null`: nothing. */
export interface KnownLimits {
  readonly limits: {
    readonly stated: (Omit<StatedLimit, 'resetAt' | 'at'> & { resetAt?: string }) | null;
    /** What is in force instead of the documented figures, after refusals; rounded down. */
    readonly found: { readonly submits?: number; readonly running?: number } | null;
  };
  /** Tasks that run at it, and how many may; where that is limited. */
  readonly running: { readonly now: number; readonly most: number } | null;
  readonly credit: {
    readonly left: number;
    readonly askedAt: string;
    readonly standing: Standing;
  } | null;
}

/** Also while Redis is away. */
export const NOTHING_KNOWN: KnownLimits = {
  limits: { stated: null, found: null },
  running: null,
  credit: null,
};

/** Reads it in two commands, of which one only where tasks are counted. */
export function createKnownLimits(parts: {
  readonly redis: Redis;
  readonly keys: Keys;
  /** The operator's own figures for what is left to spend. */
  readonly creditsOf: (provider: string) => BalanceLimits;
  readonly now: () => number;
}): (provider: ProviderAdapter) => Promise<KnownLimits> {
  const { redis, keys, creditsOf, now } = parts;
  const quotas = createQuotas({ redis, keys });
  return async ({ name, limits }) => {
    const [quota, running] = await Promise.all([
      quotas.read(name),
      limits.running === undefined ? undefined : countRunning(redis, keys, name),
    ]);
    const found = foundBelow(limits, quota, now());
    const { balance } = quota;
    return {
      limits: { stated: shownStated(quota), found },
      running:
        running === undefined
          ? null
          : { now: running, most: found?.running ?? limits.running ?? running },
      credit: balance
        ? {
            left: balance.left,
            askedAt: new Date(balance.at).toISOString(),
            standing: standingOf(balance, creditsOf(name), quota.sent),
          }
        : null,
    };
  };
}

function shownStated({ stated }: Quota): KnownLimits['limits']['stated'] {
  if (!stated) return null;
  const { resetAt, at: _, ...rest } = stated;
  return { ...rest, ...(resetAt !== undefined && { resetAt: new Date(resetAt).toISOString() }) };
}

/** Null where what was found has grown back to what is documented or stated. */
function foundBelow(limits: ProviderLimits, quota: Quota, now: number) {
  const { submits, running } = limits;
  const ceiling = submitCeiling(submits, quota.stated, now);
  const inWindow = limitAt(quota.submits, { ceiling, windowMs: submits.perMs }, now);
  const atOnce =
    running && limitAt(quota.running, { ceiling: running, windowMs: RUNNING_WINDOW_MS }, now);
  const found = {
    ...(inWindow < ceiling && { submits: Math.floor(inWindow) }),
    ...(running !== undefined &&
      (atOnce ?? running) < running && { running: Math.floor(atOnce ?? running) }),
  };
  return Object.keys(found).length > 0 ? found : null;
}
