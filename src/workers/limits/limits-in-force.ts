import type { z } from 'zod';
import { type BalanceLimits, type Standing, standingOf } from '../../generation/balance.ts';
import {
  type Bounds,
  limitAt,
  lowered,
  paced,
  RUNNING_WINDOW_MS,
  submitCeiling,
} from '../../generation/found-limit.ts';
import type { DeferReason } from '../../generation/hold-reasons.ts';
import { type StatedLimit, usedUpForMs } from '../../outbound/stated-limits.ts';
import type { ProviderLimits } from '../../providers/provider.ts';
import type { Quota, Quotas } from '../../store/quota.ts';
import { countLately } from './lately.ts';

/**
 * The limits of one provider as this process keeps to them: the documented ones or the operator's,
 * what the provider states itself, and what was found by refusals. What the fleet knows is read every
 * other second, so that no submission costs a round trip for it.
 */
export interface LimitsInForce {
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
  /** Tells the fleet what this process heard, and learns what the others did. */
  refresh(): Promise<Quota>;
}

/** @param parts.stated what the provider's last answer to a submission of this process said. */
export function createLimitsInForce(parts: {
  readonly provider: string;
  readonly limits: ProviderLimits;
  readonly credits: BalanceLimits;
  readonly quotas: Quotas;
  readonly stated: () => StatedLimit | undefined;
  readonly now: () => number;
}): LimitsInForce {
  const { provider, limits, quotas, now } = parts;
  const { max, perMs } = limits.submits;
  const acceptedLately = countLately(perMs, now);
  let known: Quota = { sent: 0 };
  let unsaid = 0;
  let told: StatedLimit | undefined;

  const submits = (): Bounds => ({
    ceiling: submitCeiling(limits.submits, parts.stated() ?? known.stated),
    windowMs: perMs,
  });
  const runningBounds = (ceiling: number): Bounds => ({ ceiling, windowMs: RUNNING_WINDOW_MS });

  async function lower(
    field: 'submits' | 'running',
    bounds: Bounds,
    met: { sentAt: number; accepted: number },
  ): Promise<number | undefined> {
    known = await quotas.read(provider);
    const found = lowered(known[field], bounds, { ...met, now: now() });
    if (!found) return undefined;
    known = { ...known, [field]: found };
    await quotas.learn(provider, { [field]: found });
    return found.limit;
  }

  return {
    limiter() {
      const bounds = submits();
      const limit = limitAt(known.submits, bounds, now());
      if (limit >= max) return { max, duration: perMs };
      if (limit < bounds.ceiling || limit < 1) return paced(limit, perMs);
      return { max: Math.floor(limit), duration: perMs };
    },

    running() {
      const { running } = limits;
      if (running === undefined) return undefined;
      return Math.floor(limitAt(known.running, runningBounds(running), now()));
    },

    standing() {
      return known.balance
        ? standingOf(known.balance, parts.credits, known.sent + unsaid)
        : 'enough';
    },

    usedUpForMs: () => usedUpForMs(parts.stated(), now()),

    accepted() {
      unsaid += 1;
      acceptedLately.add();
    },

    async refused(reason, { sentAt, running }) {
      if (reason === 'rate_limited') {
        return lower('submits', submits(), { sentAt, accepted: acceptedLately.count() });
      }
      if (reason !== 'concurrency_limited' || limits.running === undefined) return undefined;
      const bounds = runningBounds(limits.running);
      return lower('running', bounds, { sentAt, accepted: await running() });
    },

    async refresh() {
      const [count, stated] = [unsaid, parts.stated()];
      if (count > 0) await quotas.countSent(provider, count);
      unsaid -= count;
      if (stated && stated !== told) await quotas.learn(provider, { stated });
      told = stated;
      known = await quotas.read(provider);
      return known;
    },
  };
}
