import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { Retryable } from '../generation/errors.ts';
import { createFetchedCopy } from './fetched-copy.ts';
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

/** Keys from a JWKS document (RFC 7517, RFC 8037), cached for at most a day. */
export function createKeySet(options: {
  http: HttpClient;
  url: string;
  now: () => number;
}): KeySet {
  const { http, url, now } = options;
  const fetch = async (): Promise<readonly KeyObject[]> => {
    const headers = { accept: ACCEPT };
    const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
    if (!answer.ok) throw new Retryable('unavailable', `${answer.call} answered ${answer.status}`);
    const keys = answer.read(Jwks).keys.flatMap((key) => publicKey(key) ?? []);
    if (keys.length === 0) throw new Retryable('unavailable', `${answer.call}: no Ed25519 key`);
    return keys;
  };
  const copy = createFetchedCopy({ fetch, now });
  return { keys: copy.current, refreshed: copy.refreshed };
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
