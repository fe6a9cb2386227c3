import QuickLRU from 'quick-lru';
import type { Reply } from '../contract/reply.ts';

/** How long a key is remembered. FitInView, "Webhooks vs Polling": 24 hours. Real time. */
export const IDEMPOTENCY_WINDOW_MS = 24 * 60 * 60 * 1000;

const MAX_KEYS = 100_000;

/** An accepted submit, as its repeats find it. */
export interface RememberedSubmit {
  taskId: string;
  bodyFingerprint: string;
  /** Pending while the first request is still being answered, so that repeats share its answer. */
  reply: Promise<Reply>;
}

/** Accepted submits by their keys. */
export interface IdempotencyCache {
  find(key: string, nowMs: number): RememberedSubmit | undefined;
  remember(key: string, submit: RememberedSubmit, nowMs: number): void;
  clear(): void;
}

/** Remembers accepted submits by key. Refused ones are never put in, so they may be tried again. */
export function createIdempotencyCache(): IdempotencyCache {
  const remembered = new QuickLRU<string, { submit: RememberedSubmit; untilMs: number }>({
    maxSize: MAX_KEYS,
  });
  return {
    find(key, nowMs) {
      const entry = remembered.get(key);
      return entry !== undefined && nowMs < entry.untilMs ? entry.submit : undefined;
    },
    remember(key, submit, nowMs) {
      remembered.set(key, { submit, untilMs: nowMs + IDEMPOTENCY_WINDOW_MS });
    },
    clear: () => remembered.clear(),
  };
}
