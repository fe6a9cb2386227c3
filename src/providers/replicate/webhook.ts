import { verifyStandard } from '../../outbound/signature.ts';
import type { SignedWebhook, WebhookReading } from '../provider.ts';
import { parseWebhook } from '../wire-values.ts';
import { observeInPassing, Prediction } from './wire.ts';

/**
 * Replicate's webhook ("Receive a webhook", "Verify a webhook", read 2026-11-20): the prediction,
 * signed by Standard Webhooks with the account's one secret, whose base64 after `whsec_` is the key;
 * five minutes of tolerance. Only the end is asked for, but live events are read too, in any order.
 * Only the last delivery is repeated, and for about a minute: the poll must not be left out.
 * @param now Unix milliseconds.
 */
export function replicateWebhook(secrets: readonly string[], now: () => number): SignedWebhook {
  return {
    scope: 'request',
    trust: 'signature',
    verify: ({ headers, body }) => verifyStandard({ secrets, headers, body, now: now() }),
    read,
  };
}

function read(body: Buffer): WebhookReading {
  const prediction = parseWebhook(Prediction, body);
  return { taskId: prediction.id, observation: observeInPassing(prediction) };
}
