/**
 * What is left to spend at a provider, and what a submission costs there as far as its own figures
 * tell: the balance is asked now and then, and submissions are counted in between. In the provider's
 * own units.
 */
export interface Balance {
  readonly left: number;
  /** When it was asked (Unix ms). */
  readonly at: number;
  /** How many submissions had been accepted by then, ever. */
  readonly sent: number;
  /** What one has cost lately; absent while nobody knows. */
  readonly price?: number | undefined;
}

/** Where an operator says nothing, these are worked out from the price. */
export interface BalanceLimits {
  /** With less than this, somebody must be told. */
  readonly alarm?: number | undefined;
  /** With less than this, nothing is submitted. */
  readonly floor?: number | undefined;
}

/** `low`: somebody must top it up. `out`: a submission would be refused. */
export type Standing = 'enough' | 'low' | 'out';

/** So many submissions' worth is little. */
const FEW_SUBMISSIONS = 20;
/** How much the newest price counts for the usual one. */
const NEWEST = 0.3;

/** The balance as it was asked now, with what it tells of the price. */
export function balanceAsked(
  before: Balance | undefined,
  asked: { left: number; at: number; sent: number },
): Balance {
  return { ...asked, price: priceOf(before, asked) ?? before?.price };
}

/** Undefined where nothing was bought in between, or it was topped up or refunded. */
function priceOf(before: Balance | undefined, { left, sent }: { left: number; sent: number }) {
  if (!before) return undefined;
  const [spent, bought] = [before.left - left, sent - before.sent];
  if (!(spent > 0 && bought > 0)) return undefined;
  const one = spent / bought;
  return (before.price ?? one) * (1 - NEWEST) + one * NEWEST;
}

/** @param sent how many submissions have been accepted by now, ever. */
export function standingOf(balance: Balance, limits: BalanceLimits, sent: number): Standing {
  const left = balance.left - Math.max(sent - balance.sent, 0) * (balance.price ?? 0);
  // A price that was inferred holds nothing back: it may be another's spending, or charged late.
  if (left <= 0 || left < (limits.floor ?? 0)) return 'out';
  return left < alarmAt(balance, limits) ? 'low' : 'enough';
}

/** With less than this left, somebody is told. Unknown prices count as 1. */
export function alarmAt({ price }: Balance, { alarm }: BalanceLimits): number {
  return alarm ?? FEW_SUBMISSIONS * (price ?? 1);
}
