import { randomBytes } from 'node:crypto';
import type { AccessToken } from '../contract/dialect.ts';
import { setBounded } from './bounded.ts';

const maxTokens = 10_000;

export interface AccessTokens {
  issue(lifetimeMs: number, nowMs: number): AccessToken;
  isLive(token: string, nowMs: number): boolean;
  /** Ends the token before its time. */
  expire(token: string): void;
  clear(): void;
}

/** The access tokens one provider has given out. Lifetimes are in real time. */
export function createAccessTokens(): AccessTokens {
  const expiries = new Map<string, number>();
  return {
    issue(lifetimeMs, nowMs) {
      const token = randomBytes(24).toString('base64url');
      const expiresAtMs = nowMs + lifetimeMs;
      setBounded(expiries, token, expiresAtMs, maxTokens);
      return { token, issuedAtMs: nowMs, expiresAtMs };
    },
    isLive: (token, nowMs) => nowMs < (expiries.get(token) ?? 0),
    expire: (token) => {
      expiries.delete(token);
    },
    clear: () => expiries.clear(),
  };
}
