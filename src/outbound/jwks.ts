import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { Retryable } from '../generation/errors.ts';
import type { HttpClient } from './http-client.ts';

/** A provider's published Ed25519 keys. */
export interface KeySet {
  /** All present keys; fetched again when they are old. @throws Retryable when none can be had. */
  keys(): Promise<readonly KeyObject[]>;
  /**
   * Fetches again because a signature fits no key, but not more than once in a while; in between,
   * what is known already. @throws Retryable when the fetch brings none.
   */
  refreshed(): Promise<readonly KeyObject[]>;
}

const Jwks = z.object({
  keys: z.array(
    z
      .looseObject({ kty: z.string(), crv: z.string().optional(), x: z.string().optional() })
      .nullable()
      .catch(null),
  ),
});

/** RFC 7517, 8.5: its own media type; most serve it as JSON. */
const ACCEPT = 'application/jwk-set+json, application/json';

const LIFETIME_MS = 24 * 3_600_000;
/** So that a flood of forged signatures does not become a flood of requests. */
const REFRESH_AT_MOST_EVERY_MS = 60_000;

/** Keys from a JWKS document (RFC 7517, RFC 8037), cached for at most a day. */
export function createKeySet(options: {
  http: HttpClient;
  url: string;
  now: () => number;
}): KeySet {
  const { http, url, now } = options;
  let triedAt = Number.NEGATIVE_INFINITY;
  let kept: { keys: readonly KeyObject[]; at: number } | undefined;
  let fetching: Promise<readonly KeyObject[]> | undefined;

  const fetchKeys = async (): Promise<readonly KeyObject[]> => {
    const at = now();
    triedAt = at;
    const headers = { accept: ACCEPT };
    const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
    if (!answer.ok) throw new Retryable('unavailable', `${answer.call} answered ${answer.status}`);
    const keys = answer.read(Jwks).keys.flatMap((key) => publicKey(key) ?? []);
    if (keys.length === 0) throw new Retryable('unavailable', `${answer.call}: no Ed25519 key`);
    // Only what was fetched replaces what was known: a failed refresh forgets nothing.
    kept = { keys, at };
    return keys;
  };
  const fetchOnce = (): Promise<readonly KeyObject[]> => {
    fetching ??= fetchKeys().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };

  return {
    keys: async () => (kept && now() - kept.at < LIFETIME_MS ? kept.keys : fetchOnce()),
    refreshed: async () =>
      kept && !fetching && now() - triedAt < REFRESH_AT_MOST_EVERY_MS ? kept.keys : fetchOnce(),
  };
}

/** Undefined for a key of another kind, or a malformed one: one odd entry must not void the rest. */
function publicKey(key: z.infer<typeof Jwks>['keys'][number]): KeyObject | undefined {
  if (key?.kty !== 'OKP' || key.crv !== 'Ed25519' || !key.x) return undefined;
  // Some publish the padding that base64url leaves out.
  const jwk = { kty: key.kty, crv: key.crv, x: key.x.replace(/=+$/, '') };
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}
