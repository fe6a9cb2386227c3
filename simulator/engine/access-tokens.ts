import { randomBytes } from 'node:crypto';
import QuickLRU from 'quick-lru';
import type { AccessToken } from '../contract/account.ts';

const MAX_TOKENS = 10_000;

/** The access tokens of one provider. */
export interface AccessTokens {
  issue(lifetimeMs: number, nowMs: number): AccessToken;
  isLive(token: string, nowMs: number): boolean;
  /** Ends the token before its time. */
  expire(token: string): void;
  clear(): void;
}

/** The access tokens one provider has given out. Lifetimes are in real time. */
export function createAccessTokens(): AccessTokens {
  const expiries = new QuickLRU<string, number>({ maxSize: MAX_TOKENS });
  return {
    issue(lifetimeMs, nowMs) {
      const token = randomBytes(24).toString('base64url');
      const expiresAtMs = nowMs + lifetimeMs;
      expiries.set(token, expiresAtMs);
      return { token, issuedAtMs: nowMs, expiresAtMs };
    },
    isLive: (token, nowMs) => nowMs < (expiries.get(token) ?? 0),
    expire: (token) => {
      expiries.delete(token);
    },
    clear: () => expiries.clear(),
  };
}
