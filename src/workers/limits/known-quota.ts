import { type Bounds, lowered } from '../../generation/found-limit.ts';
import type { StatedLimit } from '../../outbound/stated-limits.ts';
import type { Quota, Quotas } from '../../store/quota.ts';

/** What this process knows of a provider's quota: what the fleet knew a moment ago, and its own news. */
export interface KnownQuota {
  latest(): Quota;
  /** A submission was accepted. */
  accepted(): void;
  /**
   * A refusal was met at this limit. Asks the fleet first: another process may have met one too.
   * @returns the limit that is in force now, if that lowered it.
   */
  lower(
    field: 'submits' | 'running',
    bounds: Bounds,
    met: { readonly sentAt: number; readonly accepted: number },
  ): Promise<number | undefined>;
  /** Tells the fleet what this process heard, and learns what the others did. */
  refresh(): Promise<Quota>;
}

/** @param parts.stated what the provider's last answer to a submission of this process said. */
export function createKnownQuota(parts: {
  readonly provider: string;
  readonly quotas: Quotas;
  readonly stated: () => StatedLimit | undefined;
  readonly now: () => number;
}): KnownQuota {
  const { provider, quotas, now } = parts;
  let known: Quota = { sent: 0 };
  let unsaid = 0;
  let told: StatedLimit | undefined;

  return {
    latest: () => ({
      ...known,
      sent: known.sent + unsaid,
      stated: parts.stated() ?? known.stated,
    }),

    accepted() {
      unsaid += 1;
    },

    async lower(field, bounds, met) {
      known = await quotas.read(provider);
      const found = lowered(known[field], bounds, { ...met, now: now() });
      if (!found) return undefined;
      known = { ...known, [field]: found };
      await quotas.learn(provider, { [field]: found });
      return found.limit;
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
