import type { Logger } from '../../config/log.ts';
import { isRedisBusy } from '../../config/redis-errors.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Quotas } from '../../store/quota.ts';
import type { Turns } from '../../store/turns.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import { type CreditParts, lookAfterCredit } from './look-after-credit.ts';
import type { PaceOf } from './pace.ts';

/** How soon what one process learned is kept to by all. One read for each provider. */
const REFRESH_MS = 2_000;
/** How often the fleet's one process for it tends a provider's turns, and looks at its credit. */
const LEAD_EVERY_MS = 10_000;
/** A little less, or it would have to wait for its own lease. */
const LEASE_MS = 9_000;

interface WatchParts extends Pick<CreditParts, 'creditsOf'> {
  readonly providers: readonly ProviderAdapter[];
  readonly quotas: Quotas;
  readonly limitsOf: (provider: ProviderAdapter) => LimitsInForce;
  readonly turns: Pick<Turns, 'heal'>;
  readonly paceOf: (provider: ProviderAdapter) => PaceOf;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Keeps what this process knows of its providers' limits up to date, and tells the others what it
 * learned. For each provider one process of the fleet gives out what is free, looks after turns that
 * have not begun, frees forgotten places and asks what is left to spend. Costs one Redis command for
 * each provider in two seconds, and a few more in ten.
 */
export function startLimitsWatch(parts: WatchParts): { stop(): void } {
  const { providers, quotas, log, now } = parts;
  const leadAt = new Map<string, number>();
  let busy = false;

  async function look(provider: ProviderAdapter): Promise<void> {
    const { name } = provider;
    const quota = await parts.limitsOf(provider).refresh();
    const pace = parts.paceOf(provider);
    await pace.note();
    const hasCredit = provider.account !== undefined && !provider.isTest;
    if (now() < (leadAt.get(name) ?? 0)) return;
    leadAt.set(name, now() + LEAD_EVERY_MS);
    if (!(await quotas.lead(name, LEASE_MS))) return;
    const freed = await parts.turns.heal(name);
    if (freed > 0) log.info({ provider: name, freed }, 'places freed that nothing runs in');
    await pace.tend();
    if (hasCredit) await lookAfterCredit(parts, provider, quota);
  }

  async function lookAtAll(): Promise<void> {
    if (busy) return;
    busy = true;
    const looks = await Promise.allSettled(providers.map(look));
    busy = false;
    for (const { reason: err } of looks.filter((one) => one.status === 'rejected')) {
      if (!isRedisBusy(err)) log.warn({ err }, 'limits not looked at');
    }
  }

  const timer = setInterval(() => void lookAtAll(), REFRESH_MS);
  void lookAtAll();
  return { stop: () => clearInterval(timer) };
}
