import type { Reply } from '../contract/dialect.ts';
import { setBounded } from './bounded.ts';

/** How long a key is remembered. FitInView, "Webhooks vs Polling": 24 hours. Real time. */
export const idempotencyWindowMs = 24 * 60 * 60 * 1000;

const maxKeys = 100_000;

export interface RememberedSubmit {
  taskId: string;
  bodyFingerprint: string;
  /** Pending while the first request is still being answered, so that repeats share its answer. */
  reply: Promise<Reply>;
}

export interface IdempotencyCache {
  find(key: string, nowMs: number): RememberedSubmit | undefined;
  remember(key: string, submit: RememberedSubmit, nowMs: number): void;
  clear(): void;
}

/** Remembers accepted submits by key. Refused ones are never put in, so they may be tried again. */
export function createIdempotencyCache(): IdempotencyCache {
  const remembered = new Map<string, { submit: RememberedSubmit; untilMs: number }>();
  return {
    find(key, nowMs) {
      const entry = remembered.get(key);
      return entry !== undefined && nowMs < entry.untilMs ? entry.submit : undefined;
    },
    remember(key, submit, nowMs) {
      setBounded(remembered, key, { submit, untilMs: nowMs + idempotencyWindowMs }, maxKeys);
    },
    clear: () => remembered.clear(),
  };
}
