import { verifyStandard } from '../../outbound/signature.ts';
import type { Delivery, SignedWebhook, WebhookReading } from '../provider.ts';
import type { LinksIn } from '../result-links.ts';
import { parseWebhook } from '../wire-values.ts';
import type { SigningSecrets } from './signing-secret.ts';
import { observeInPassing, Prediction } from './wire.ts';

/**
 * Replicate's webhook ("Receive a webhook", "Verify a webhook", read 2026-11-20): the prediction,
 * signed by Standard Webhooks with the account's one secret, whose base64 after `whsec_` is the key;
 * five minutes of tolerance. Only the end is asked for, but live events are read too, in any order.
 * Only the last delivery is repeated, and for about a minute: the poll must not be left out.
 */
export function replicateWebhook(options: {
  secrets: SigningSecrets;
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

/** @throws Retryable when the secret cannot be had: then nobody can say. */
async function isAuthentic(
  { headers, body }: Delivery,
  { secrets, now }: { secrets: SigningSecrets; now: () => number },
): Promise<boolean> {
  // What is not signed at all is not worth a question to Replicate.
  if (typeof headers['webhook-signature'] !== 'string') return false;
  const fits = (live: readonly string[]) =>
    verifyStandard({ secrets: live, headers, body, now: now() });
  return fits(await secrets.current()) || fits(await secrets.refreshed());
}

function read(body: Buffer, linksIn: LinksIn): WebhookReading {
  const prediction = parseWebhook(Prediction, body);
  return { taskId: prediction.id, observation: observeInPassing(prediction, linksIn) };
}
