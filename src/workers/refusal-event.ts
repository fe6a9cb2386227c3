import { type DeferReason, InvalidRequest, Retryable, Terminal } from '../generation/errors.ts';
import type { GenerationEvent } from '../generation/events.ts';
import type { Generation } from '../generation/generation.ts';
import { backoffMs } from '../generation/poll-timing.ts';

/** How long to wait when the provider does not say: first, at most, and whether all must wait. */
const DEFERRALS: Record<DeferReason, { firstMs: number; longestMs: number; holdsQueue: boolean }> =
  {
    rate_limited: { firstMs: 5_000, longestMs: 60_000, holdsQueue: true },
    concurrency_limited: { firstMs: 2_000, longestMs: 30_000, holdsQueue: true },
    out_of_credit: { firstMs: 300_000, longestMs: 300_000, holdsQueue: true },
    unauthorized: { firstMs: 60_000, longestMs: 60_000, holdsQueue: true },
    unavailable: { firstMs: 1_000, longestMs: 300_000, holdsQueue: false },
    image_unavailable: { firstMs: 1_000, longestMs: 300_000, holdsQueue: false },
  };

/** What an error of the provider's means for the generation, and for the provider's whole queue. */
export interface Refusal {
  readonly event: GenerationEvent;
  /** Let no submission of this provider start for so long. */
  readonly holdQueueMs: number | undefined;
}

/** What we do not recognise may have been accepted: it counts as unknown, never as refused. */
export function refusalEvent(generation: Generation, error: unknown, now: number): Refusal {
  const send = generation.sends;
  if (error instanceof Retryable) {
    const { firstMs, longestMs, holdsQueue } = DEFERRALS[error.code];
    const tries = generation.refusals + 1;
    const waitMs = error.retryAfterMs ?? backoffMs(tries, firstMs, longestMs, generation.id);
    return {
      event: { type: 'submit-deferred', send, reason: error.code, until: now + waitMs },
      holdQueueMs: holdsQueue ? waitMs : undefined,
    };
  }
  if (error instanceof Terminal || error instanceof InvalidRequest) {
    const { code, message } = error;
    const event = { type: 'submit-rejected', send, reason: { code, message } } as const;
    return { event, holdQueueMs: undefined };
  }
  return { event: { type: 'submit-unknown', send }, holdQueueMs: undefined };
}
