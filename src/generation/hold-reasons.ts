import { z } from 'zod';
import { wordOf } from './word-of.ts';

/**
 * Why a provider did not take a submission now. `out_of_credit` and `unauthorized` wait for a
 * person; `image_unavailable` is not the provider's trouble but that of the app's pictures.
 */
export const DEFER_REASONS = [
  'rate_limited',
  'concurrency_limited',
  'out_of_credit',
  'unavailable',
  'image_unavailable',
  'unauthorized',
] as const;
export type DeferReason = (typeof DEFER_REASONS)[number];

/**
 * Why a provider takes nothing for our account's sake, or nothing of this request: only a person can
 * mend it, and no wait is known to be long enough.
 */
const DENIALS = ['out_of_credit', 'unauthorized'] as const;
export type Denial = (typeof DENIALS)[number];

export function isDenial(reason: string): reason is Denial {
  return (DENIALS as readonly string[]).includes(reason);
}

/** Why we ourselves let a submission wait; `concurrency_limited` stands in older records only. */
const OWN_HOLD_REASONS = ['circuit_open', 'concurrency_limited', ...DENIALS] as const;
export type OwnHoldReason = (typeof OWN_HOLD_REASONS)[number];

/** As events carry them. */
export const DeferReason = wordOf(DEFER_REASONS);
export const OwnHoldReason = wordOf(OWN_HOLD_REASONS);

/** What keeps a queued generation, and until when (Unix ms). */
export const Hold = z.object({
  reason: wordOf([...DEFER_REASONS, ...OWN_HOLD_REASONS]),
  until: z.number(),
});
export type Hold = z.infer<typeof Hold>;
