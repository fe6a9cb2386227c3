import type { z } from 'zod';
import { type BalanceLimits, type Standing, standingOf } from '../../generation/balance.ts';
import {
  type Bounds,
  limitAt,
  paced,
  RUNNING_WINDOW_MS,
  submitCeiling,
} from '../../generation/found-limit.ts';
import type { DeferReason } from '../../generation/hold-reasons.ts';
import { usedUpForMs } from '../../outbound/stated-limits.ts';
import type { ProviderLimits } from '../../providers/provider.ts';
import type { Quota } from '../../store/quota.ts';
import type { KnownQuota } from './known-quota.ts';
import { countLately } from './lately.ts';

/**
 * The limits of one provider as this process keeps to them: the documented ones or the operator's,
 * what the provider states itself, and what was found by refusals. What the fleet knows is read every
 * other second, so that no submission costs a round trip for it.
 */
export interface LimitsInForce extends Pick<KnownQuota, 'refresh'> {
  /** So many submissions may start in so long a span, all processes together. */
  limiter(): { readonly max: number; readonly duration: number };
  /** How many tasks it works on at once; undefined where nobody says, and nobody counts. */
  running(): number | undefined;
  /** Whether a submission can be paid; `enough` where nobody knows. */
  standing(): Standing;
  /** How long nothing is free, by the provider's last word; undefined: nothing is said. */
  usedUpForMs(): number | undefined;
  /** A submission was accepted. */
  accepted(): void;
  /**
   * It refused one for this reason.
   * @param about.sentAt when that left. @param about.running how many others were running.
   * @returns the limit that is in force now, if that lowered it.
   */
  refused(
    reason: z.infer<typeof DeferReason>,
    about: { readonly sentAt: number; readonly running: () => Promise<number> },
  ): Promise<number | undefined>;
}

export function createLimitsInForce(parts: {
  readonly limits: ProviderLimits;
  readonly credits: BalanceLimits;
  readonly known: KnownQuota;
  readonly now: () => number;
}): LimitsInForce {
  const { limits, credits, known, now } = parts;
  const acceptedLately = countLately(limits.submits.perMs, now);

  return {
    limiter: () => limiterFor(limits.submits, known.latest(), now()),

    running() {
      if (limits.running === undefined) return undefined;
      return Math.floor(limitAt(known.latest().running, atOnce(limits.running), now()));
    },

    standing() {
      const { balance, sent } = known.latest();
      return balance ? standingOf(balance, credits, sent) : 'enough';
    },

    usedUpForMs: () => usedUpForMs(known.latest().stated, now()),

    accepted() {
      known.accepted();
      acceptedLately.add();
    },

    async refused(reason, { sentAt, running }) {
      if (reason === 'rate_limited') {
        const bounds = inWindow(limits.submits, known.latest(), now());
        return known.lower('submits', bounds, { sentAt, accepted: acceptedLately.count() });
      }
      if (reason !== 'concurrency_limited' || limits.running === undefined) return undefined;
      const accepted = await running();
      return known.lower('running', atOnce(limits.running), { sentAt, accepted });
    },

    refresh: known.refresh,
  };
}

const atOnce = (ceiling: number): Bounds => ({ ceiling, windowMs: RUNNING_WINDOW_MS });

function inWindow(submits: ProviderLimits['submits'], { stated }: Quota, now: number): Bounds {
  return { ceiling: submitCeiling(submits, stated, now), windowMs: submits.perMs };
}

/** The documented window while that is in force or stated; even slices below what anyone says. */
function limiterFor(submits: ProviderLimits['submits'], quota: Quota, now: number) {
  const { max, perMs } = submits;
  const bounds = inWindow(submits, quota, now);
  const limit = limitAt(quota.submits, bounds, now);
  if (limit >= max) return { max, duration: perMs };
  if (limit < bounds.ceiling || limit < 1) return paced(limit, perMs);
  return { max: Math.floor(limit), duration: perMs };
}
