import { createHash, type KeyObject, verify as verifySignature } from 'node:crypto';
import type { KeySet } from '../../outbound/jwks.ts';
import type { Delivery, SignedWebhook, WebhookReading } from '../provider.ts';
import type { LinksIn } from '../result-links.ts';
import { parseWebhook } from '../wire-values.ts';
import { observeDelivery, WebhookBody } from './wire.ts';

/** "Webhooks", read 2026-11-20: how far the signed time may be from now, both ways. */
const TOLERANCE_SECONDS = 300;

/**
 * fal's webhook ("Webhooks", read 2026-11-20): Ed25519 over the request's id, the user's id, the
 * time and the hex SHA-256 of the raw body, one per line. Keys are published; any of them may fit.
 */
export function falWebhook(options: {
  keySet: KeySet;
  linksIn: LinksIn;
  /** Unix milliseconds. */
  now: () => number;
}): SignedWebhook {
  return {
    scope: 'request',
    trust: 'signature',
    verify: (delivery) => isAuthentic(delivery, options),
    read: (body) => read(body, options.linksIn),
  };
}

/** @throws Retryable when the keys cannot be had: then nobody can say. */
async function isAuthentic(
  { headers, body }: Delivery,
  { keySet, now }: { keySet: KeySet; now: () => number },
): Promise<boolean> {
  const requestId = headers['x-fal-webhook-request-id'];
  const userId = headers['x-fal-webhook-user-id'];
  const timestamp = headers['x-fal-webhook-timestamp'];
  const signature = headers['x-fal-webhook-signature'];
  if (typeof requestId !== 'string' || typeof userId !== 'string') return false;
  // A header that was sent twice arrives as a list or joined by a comma: neither passes.
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return false;
  if (typeof signature !== 'string' || !/^[0-9a-f]{128}$/i.test(signature)) return false;
  if (Math.abs(now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;

  const bodyHash = createHash('sha256').update(body).digest('hex');
  const message = Buffer.from([requestId, userId, timestamp, bodyHash].join('\n'));
  const given = Buffer.from(signature, 'hex');
  const fits = (keys: readonly KeyObject[]) =>
    keys.some((key) => verifySignature(null, message, key, given));
  return fits(await keySet.keys()) || fits(await keySet.refreshed());
}

function read(body: Buffer, linksIn: LinksIn): WebhookReading {
  const delivery = parseWebhook(WebhookBody, body);
  // `gateway_request_id` differs after fal tried again by itself, and is not what we were given.
  return { taskId: delivery.request_id, observation: observeDelivery(delivery, linksIn) };
}
