import { InvalidRequest, Retryable, Terminal } from '../../generation/errors.ts';
import type { GenerationEvent } from '../../generation/events.ts';
import type { Generation, Reason } from '../../generation/generation.ts';
import { type DeferReason, type Denial, isDenial } from '../../generation/hold-reasons.ts';
import { backoffMs } from '../../generation/poll-timing.ts';
import { explain } from '../../providers/reasons.ts';

/** How long to wait when the provider does not say: first, at most, and whether all must wait. */
const DEFERRALS: Record<DeferReason, { firstMs: number; longestMs: number; holdsQueue: boolean }> =
  {
    rate_limited: { firstMs: 5_000, longestMs: 60_000, holdsQueue: true },
    concurrency_limited: { firstMs: 2_000, longestMs: 30_000, holdsQueue: true },
    // Whether it is more than this generation's trouble is for the circuit to find.
    out_of_credit: { firstMs: 300_000, longestMs: 300_000, holdsQueue: false },
    unauthorized: { firstMs: 60_000, longestMs: 300_000, holdsQueue: false },
    unavailable: { firstMs: 1_000, longestMs: 300_000, holdsQueue: false },
    image_unavailable: { firstMs: 1_000, longestMs: 300_000, holdsQueue: false },
  };

/** What an error of the provider's means for the generation, and for the provider's whole queue. */
export interface Refusal {
  readonly event: GenerationEvent;
  /** Let no submission of this provider start for so long. */
  readonly holdQueueMs: number | undefined;
}

/**
 * So often in a row, with the waits above, is over 13 minutes: long enough for a picture's host that
 * found the first call suspicious or was busy, and short enough for whoever waits for the picture.
 */
const LASTS_FROM = 11;

/** The longest that one answer may hold all for: it may be about that one request alone. */
const LONGEST_HOLD_MS = 60_000;

/** The end of one that was denied again and again. Nobody knows whether that was for its own sake. */
const DENIED: Readonly<Record<Denial, Reason>> = {
  out_of_credit: { ...explain('out_of_credit'), mayHelpToRetry: true },
  unauthorized: {
    code: 'unauthorized',
    message: 'The provider kept refusing our key, or its use for this request.',
  },
};

/** What a try at submitting met. */
export interface Trouble {
  readonly generation: Generation;
  /** What it was held for before this try: the same trouble again is one that lasts. */
  readonly lastReason: string | undefined;
  readonly error: unknown;
}

/** For `Trouble`, of the record as the try found it: one that is being sent says it no longer. */
export function reasonHeldFor(found: Generation): string | undefined {
  return found.state === 'queued' ? found.hold?.reason : undefined;
}

/** What we do not recognise may have been accepted: it counts as unknown, never as refused. */
export function refusalEvent(trouble: Trouble, now: number, mostDenials: number): Refusal {
  const { generation, error } = trouble;
  const send = generation.sends;
  if (error instanceof Retryable && isDenial(error.code)) {
    const isLast = (generation.denials ?? 0) + 1 >= mostDenials;
    const event = { type: 'submit-rejected', send, reason: DENIED[error.code] } as const;
    if (isLast) return { event, holdQueueMs: undefined };
  }
  const verdict = error instanceof Retryable ? lasting(error, trouble) : error;
  if (verdict instanceof Terminal || verdict instanceof InvalidRequest) {
    const { code, message } = verdict;
    const event = { type: 'submit-rejected', send, reason: { code, message } } as const;
    return { event, holdQueueMs: undefined };
  }
  if (error instanceof Retryable) {
    const waitMs = waitFor(error, generation);
    const event = {
      type: 'submit-deferred',
      send,
      reason: error.code,
      until: now + waitMs,
    } as const;
    const holdQueueMs = DEFERRALS[error.code].holdsQueue ? forAll(waitMs) : undefined;
    return { event, holdQueueMs };
  }
  return { event: { type: 'submit-unknown', send }, holdQueueMs: undefined };
}

/** How long all wait for what one answer said. */
export function forAll(waitMs: number): number {
  return Math.min(waitMs, LONGEST_HOLD_MS);
}

/** Refusals of every kind are counted together, so one of this kind must have gone before. */
function lasting(
  { code, ifItLasts }: Retryable,
  { generation, lastReason }: Trouble,
): Terminal | undefined {
  return generation.refusals + 1 >= LASTS_FROM && lastReason === code ? ifItLasts : undefined;
}

function waitFor({ code, retryAfterMs, ifItLasts }: Retryable, generation: Generation): number {
  const { firstMs, longestMs } = DEFERRALS[code];
  const usual = backoffMs(generation.refusals + 1, firstMs, longestMs, generation.id);
  // Where tries are counted, somebody's "in a second" must not use them up in eleven.
  return ifItLasts || isDenial(code) ? Math.max(usual, retryAfterMs ?? 0) : (retryAfterMs ?? usual);
}
