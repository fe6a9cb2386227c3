import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Defect } from '../generation/errors.ts';
import type { Key } from './derived-keys.ts';

/**
 * Signature schemes, one function each. Which one a provider uses is written in its adapter and
 * never guessed from the look of a secret: `whsec_…` means a literal key at FitInView and a base64
 * key in Standard Webhooks. Several secrets may be live at once, for rotation; every one of them is
 * tried. Whatever is missing, repeated or malformed is "not authentic", never an exception.
 */

/** A header's value as Node hands it over; an array when it was repeated. */
export type HeaderValue = string | string[] | undefined;
export type Headers = Readonly<Record<string, HeaderValue>>;

/** How far a Standard Webhooks timestamp may be from now, both ways: the reference library's. */
const TOLERANCE_SECONDS = 300;

/** 160 bits of a delivery token, out of 256. */
const TOKEN_BYTES = 20;

/** Compares in constant time, for inputs of any lengths: their digests always have one length. */
export function safeEqual(a: string | Buffer, b: string | Buffer): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * Whether `signature` is the hex HMAC-SHA256 of the body under any of the secrets. The secret's
 * UTF-8 bytes are the key, prefix and all. Upper and lower case hex are the same.
 */
export function verifyHexHmac(check: {
  secrets: readonly string[];
  body: Buffer;
  signature: HeaderValue;
}): boolean {
  const { signature } = check;
  if (typeof signature !== 'string' || !/^[0-9a-f]{64}$/i.test(signature)) return false;
  const given = Buffer.from(signature, 'hex');
  return matchesAny(check.secrets, (secret) => safeEqual(given, hmac(secret, check.body)));
}

/**
 * The `webhook-signature` header of our own callbacks (Standard Webhooks, symmetric): one `v1,`
 * signature for each live secret, so that a receiver may hold any of them.
 * @throws Defect when the id holds a dot or a secret is not base64 after its `whsec_`.
 */
export function signStandard(message: {
  id: string;
  timestampSeconds: number;
  body: string | Buffer;
  secrets: readonly string[];
}): string {
  const { id, timestampSeconds, body, secrets } = message;
  if (id.includes('.')) throw new Defect('A webhook id must not hold a dot');
  if (secrets.length === 0) throw new Defect('A webhook cannot be signed without a secret');
  const signatures = secrets.map((secret) => {
    const key = standardKey(secret);
    if (!key) throw new Defect('A Standard Webhooks secret must be base64');
    return `v1,${standardSignature(key, id, String(timestampSeconds), body)}`;
  });
  return signatures.join(' ');
}

/**
 * Whether a delivery carries a Standard Webhooks signature of any of the secrets, not older and not
 * newer than five minutes. Signatures of other versions are passed over.
 */
export function verifyStandard(check: {
  secrets: readonly string[];
  headers: Headers;
  body: string | Buffer;
  /** Unix milliseconds. */
  now: number;
}): boolean {
  const { headers, body } = check;
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const listed = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof listed !== 'string') {
    return false;
  }
  if (!id || id.includes('.') || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(check.now / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;

  const given = listed.split(' ').filter((signature) => signature.startsWith('v1,'));
  return matchesAny(check.secrets, (secret) => {
    const key = standardKey(secret);
    if (!key) return false;
    const expected = `v1,${standardSignature(key, id, timestamp, body)}`;
    return matchesAny(given, (signature) => safeEqual(signature, expected));
  });
}

/**
 * The unguessable end of a webhook URL: 160 bits of HMAC-SHA256 over the provider and the
 * attempt's name, as base64url (27 characters). Anyone who holds the key can derive it again,
 * so it is not stored; and a URL that one provider was told opens no other provider's door.
 */
export function deliveryToken(key: Key, provider: string, attemptName: string): string {
  const subject = `${provider}/${attemptName}`;
  return hmac(key, subject).subarray(0, TOKEN_BYTES).toString('base64url');
}

/** Whether the token was made for this provider and attempt under any of the live keys. */
export function verifyDeliveryToken(
  keys: readonly Key[],
  delivery: { provider: string; attemptName: string; token: string },
): boolean {
  const { provider, attemptName, token } = delivery;
  return matchesAny(keys, (key) => safeEqual(token, deliveryToken(key, provider, attemptName)));
}

/** The unguessable end of our own link to a kept result. No subject of a delivery token holds a `:`. */
export function resultToken(key: Key, generationId: string, index: number): string {
  const subject = `kept-result:${generationId}/${index}`;
  return hmac(key, subject).subarray(0, TOKEN_BYTES).toString('base64url');
}

/** Whether the token was made for this result under any of the live keys. */
export function verifyResultToken(
  keys: readonly Key[],
  link: { generationId: string; index: number; token: string },
): boolean {
  const { generationId, index, token } = link;
  return matchesAny(keys, (key) => safeEqual(token, resultToken(key, generationId, index)));
}

/**
 * Hex HMAC-SHA256 of the proof of an erasure, under a key of its own that is derived from our
 * secret.
 */
export function signErasure(secret: string, proof: string): string {
  return createHmac('sha256', hmac(secret, 'catwalk:erasure-proof')).update(proof).digest('hex');
}

/** Tries them all even after a match, so that time does not tell which one it was. */
function matchesAny<K extends Key>(
  candidates: readonly K[],
  matches: (one: K) => boolean,
): boolean {
  let found = false;
  // An empty secret is a setting gone wrong, and would be a key that everybody knows.
  for (const candidate of candidates) if (candidate.length > 0 && matches(candidate)) found = true;
  return found;
}

function standardSignature(key: Buffer, id: string, timestamp: string, body: string | Buffer) {
  const signed = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body);
  return signed.digest('base64');
}

function standardKey(secret: string): Buffer | undefined {
  const encoded = secret.replace(/^whsec_/, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const key = Buffer.from(encoded, 'base64');
  return key.length > 0 ? key : undefined;
}

function hmac(key: Key, content: string | Buffer): Buffer {
  return createHmac('sha256', key).update(content).digest();
}

function digest(value: string | Buffer): Buffer {
  return createHash('sha256').update(value).digest();
}
