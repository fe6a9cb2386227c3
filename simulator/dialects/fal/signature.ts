import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { z } from 'zod';

// Facts: fal, "Webhooks", read 2026-11-20.

/** What goes before the 32 secret bytes of an Ed25519 key in DER (RFC 8410). */
const DER_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Any text is the seed of one key pair, so that another secret is another key. */
function privateKeyFor(secret: string): KeyObject {
  const seed = createHash('sha256').update(secret).digest();
  return createPrivateKey({
    key: Buffer.concat([DER_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
}

/** The public key as fal publishes it. Some of theirs carry padding, which base64url leaves out. */
function jwkFor(secret: string, kid: string) {
  const { x } = createPublicKey(privateKeyFor(secret)).export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', x: `${x}=`, kid, use: 'sig', alg: 'EdDSA' };
}

/** The published keys: one that signs nothing any more comes first, so that all must be tried. */
export function keySetFor(secret: string): { keys: unknown[] } {
  return { keys: [jwkFor(`retired ${secret}`, 'retired'), jwkFor(secret, 'present')] };
}

/** ASSUMPTION: what ids of accounts look like. */
const USER_ID = 'simulator|user';

/** The signature headers of one delivery, over its request's id, the account, the time and the body. */
export function signFal(body: Buffer, secret: string, nowMs: number): Record<string, string> {
  const { request_id } = z.object({ request_id: z.string() }).parse(JSON.parse(body.toString()));
  const timestamp = String(Math.floor(nowMs / 1000));
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const message = [request_id, USER_ID, timestamp, bodyHash].join('\n');
  return {
    'X-Fal-Webhook-Request-Id': request_id,
    'X-Fal-Webhook-User-Id': USER_ID,
    'X-Fal-Webhook-Timestamp': timestamp,
    'X-Fal-Webhook-Signature': sign(null, Buffer.from(message), privateKeyFor(secret)).toString(
      'hex',
    ),
  };
}
