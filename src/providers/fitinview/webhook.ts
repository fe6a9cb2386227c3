import { InvalidRequest } from '../../generation/errors.ts';
import { verifyHexHmac } from '../../outbound/signature.ts';
import type { SignedWebhook, WebhookReading } from '../provider.ts';
import { parseWebhook } from '../wire-values.ts';
import { Job, jobId, observeInPassing } from './wire.ts';

/**
 * FitInView's webhook ("Webhooks vs Polling", read 2026-11-20): `X-FitInView-Signature` is the hex
 * HMAC-SHA256 of the raw body, and the whole secret is the key, `whsec_` and all. No time is signed,
 * so none is checked; a replay meets a final record.
 */
export function fitInViewWebhook(secrets: readonly string[]): SignedWebhook {
  return {
    scope: 'request',
    trust: 'signature',
    verify: ({ headers, body }) =>
      verifyHexHmac({ secrets, body, signature: headers['x-fitinview-signature'] }),
    read,
  };
}

function read(body: Buffer): WebhookReading {
  const job = parseWebhook(Job, body);
  const taskId = jobId(job);
  if (!taskId || !job.status) {
    throw new InvalidRequest('malformed_webhook', 'The body names no job or no status');
  }
  return { taskId, observation: observeInPassing(job) };
}
