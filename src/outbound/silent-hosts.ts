import QuickLRU from 'quick-lru';
import { Retryable } from '../generation/errors.ts';

/** A failure that took so long kept a place in the provider's queue for as long. */
const LONG_MS = 3_000;
/** So many in a row, without an answer between them, are no accident. */
const MOST_IN_A_ROW = 3;
const ASK_EVERY_MS = 60_000;
/** Hosts that are remembered at least. To forget one costs a few more waits. */
const MOST_HOSTS = 1_000;

/**
 * Hosts that keep us waiting and answer nothing. Whoever waits for one has one of the few places in
 * which a provider's submissions are made, so that the pictures of one dead host would stop
 * everybody's. After three waits in a row nobody waits for it, but for one a minute, who asks.
 */
export interface SilentHosts {
  /** @throws Retryable `image_unavailable`, without asking, where that is another's turn; or as `ask`. */
  unlessSilent<T>(host: string, ask: () => Promise<T>): Promise<T>;
}

/** @param now Unix ms, or any clock that only goes forward. */
export function createSilentHosts(now: () => number): SilentHosts {
  const known = new QuickLRU<string, { waits: number; askAt: number }>({ maxSize: MOST_HOSTS });

  function waitedFor(host: string): void {
    const waits = (known.get(host)?.waits ?? 0) + 1;
    known.set(host, { waits, askAt: now() + ASK_EVERY_MS });
  }

  return {
    unlessSilent: async (host, ask) => {
      const startedAt = now();
      const silent = known.get(host);
      if (silent && silent.waits >= MOST_IN_A_ROW) {
        if (startedAt < silent.askAt) {
          throw new Retryable('image_unavailable', "An image's host has not answered for a while");
        }
        silent.askAt = startedAt + ASK_EVERY_MS;
      }
      try {
        const answer = await ask();
        known.delete(host);
        return answer;
      } catch (error) {
        // Another verdict, such as "too large", is an answer too.
        const isSilence = error instanceof Retryable && now() - startedAt >= LONG_MS;
        if (isSilence) waitedFor(host);
        throw error;
      }
    },
  };
}
