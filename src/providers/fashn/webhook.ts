import { InvalidRequest } from '../../generation/errors.ts';
import type { TokenWebhook, WebhookReading } from '../provider.ts';
import { parseWebhook, statusWord } from '../wire-values.ts';
import { observe, Prediction } from './wire.ts';

/**
 * FASHN's webhook ("Webhooks", read 2026-11-20): the status body, on completion and failure, without
 * any signature. What admits a delivery is the token in our URL, which the HTTP layer has compared
 * before; so the body is a hint unless the settings trust the token.
 */
export function fashnWebhook(trust: 'hint' | 'token'): TokenWebhook {
  return { scope: 'request', trust, read: (body) => read(body, trust) };
}

function read(body: Buffer, trust: 'hint' | 'token'): WebhookReading {
  const prediction = parseWebhook(Prediction, body);
  if (!prediction.id) throw new InvalidRequest('malformed_webhook', 'The body names no prediction');
  // A believed delivery must not fail a paid picture because its link is not in it.
  const completed = statusWord(prediction.status) === 'completed';
  if (trust === 'token' && completed && !prediction.output?.length) {
    return { taskId: prediction.id, observation: { kind: 'live', status: 'completed' } };
  }
  return { taskId: prediction.id, observation: observe(prediction) };
}
