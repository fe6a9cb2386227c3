import { Retryable } from '../generation/errors.ts';
import type { DeferReason } from '../generation/hold-reasons.ts';

/** One deadline for a submission that is made of several steps. */
export interface Deadline {
  /** For the calls: an http request that takes it is given up when the time is over. */
  readonly signal: AbortSignal;
  /**
   * A free step that has no signal of its own, such as a token that others wait for too. It goes on
   * when the time is over, and only we wait no longer. @throws Retryable then: nothing was sent;
   * with code `late`, by default `unavailable`, which counts against the provider.
   */
  before<T>(step: Promise<T>, late?: DeferReason): Promise<T>;
}

/** As SUBMIT_TIMEOUT_MS is unless it is set. */
const USUAL_MS = 30_000;

export function startDeadline(timeoutMs = USUAL_MS): Deadline {
  const signal = AbortSignal.timeout(timeoutMs);
  return {
    signal,
    before: async (step, late = 'unavailable') => {
      let giveUp = () => {};
      const over = new Promise<never>((_resolve, reject) => {
        giveUp = () => reject(new Retryable(late, `Nothing could be sent within ${timeoutMs} ms`));
        signal.addEventListener('abort', giveUp, { once: true });
        if (signal.aborted) giveUp();
      });
      return Promise.race([step, over]).finally(() => signal.removeEventListener('abort', giveUp));
    },
  };
}
