import type { Logger } from '../../config/log.ts';
import {
  alarmAt,
  type Balance,
  type BalanceLimits,
  balanceAsked,
  type Standing,
  standingOf,
} from '../../generation/balance.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Quota, Quotas } from '../../store/quota.ts';
import type { LimitsInForce } from './limits-in-force.ts';

export interface CreditParts {
  readonly quotas: Quotas;
  /** The operator's own figures. */
  readonly creditsOf: (provider: string) => BalanceLimits;
  readonly limitsOf: (provider: ProviderAdapter) => Pick<LimitsInForce, 'refresh'>;
  readonly now: () => number;
  readonly log: Logger;
}

/** How often a provider is asked what is left: usually, and when that may soon matter. */
const USUAL_LOOK_MS = 60_000;
const SOON_MS = 9_000;
/** Somebody is told again after so long. */
const ALARM_EVERY_MS = 10 * 60_000;

/** Asks the provider what is left to spend, if it is time to, and raises the alarm when that is little. */
export async function lookAfterCredit(
  parts: CreditParts,
  provider: ProviderAdapter,
  quota: Quota,
): Promise<void> {
  const { quotas, now, log } = parts;
  const limits = parts.creditsOf(provider.name);
  const before = quota.balance;
  if (before && now() - before.at < (isTight(before, limits, quota.sent) ? SOON_MS : USUAL_LOOK_MS))
    return;
  const left = await creditsLeft(provider, log);
  if (left === undefined) return;
  const balance = balanceAsked(before, { left, at: now(), sent: quota.sent });
  await quotas.learn(provider.name, { balance });
  // The others read it within two seconds; this process keeps to it from now on.
  await parts.limitsOf(provider).refresh();

  const standing = standingOf(balance, limits, quota.sent);
  const line = { provider: provider.name, credits: left, alarmBelow: alarmAt(balance, limits) };
  if (standing === 'enough') {
    if (before && standingOf(before, limits, quota.sent) === 'out') {
      log.info(line, 'credit is there again: submissions go on');
    }
    return;
  }
  const { alarm } = quota;
  if (alarm?.standing === standing && now() - alarm.at < ALARM_EVERY_MS) return;
  log.error(line, ALARMS[standing]);
  await quotas.learn(provider.name, { alarm: { standing, at: now() } });
}

const ALARMS: Readonly<Record<Exclude<Standing, 'enough'>, string>> = {
  low: 'alarm: credit runs out',
  out: 'alarm: no credit is left; submissions wait',
};

/** Little is left, or something is being spent and nobody knows yet how much. */
function isTight(balance: Balance, limits: BalanceLimits, sent: number): boolean {
  if (standingOf(balance, limits, sent) !== 'enough') return true;
  return balance.price === undefined && sent > balance.sent;
}

async function creditsLeft(provider: ProviderAdapter, log: Logger): Promise<number | undefined> {
  try {
    return (await provider.account?.())?.credits;
  } catch (err) {
    log.warn({ provider: provider.name, err }, 'account not read');
    return undefined;
  }
}
