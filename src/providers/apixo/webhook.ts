import { InvalidRequest } from '../../generation/errors.ts';
import type { TokenWebhook, WebhookReading } from '../provider.ts';
import { parseWebhook, statusWord } from '../wire-values.ts';
import { Envelope, observe, resultLinks } from './wire.ts';

/**
 * APIXO's webhook ("Polling vs Webhooks", "Webhooks", read 2026-11-20): the status body, once the task
 * has ended, without any signature. What admits a delivery is the token in our URL, which the HTTP
 * layer has compared before; so the body is a hint unless the settings trust the token. APIXO repeats
 * a delivery after 30 s, 2 min and 10 min until it is answered exactly 200 within 30 s.
 */
export function apixoWebhook(trust: 'hint' | 'token'): TokenWebhook {
  return { scope: 'request', trust, read: (body) => read(body, trust) };
}

function read(body: Buffer, trust: 'hint' | 'token'): WebhookReading {
  const task = parseWebhook(Envelope, body).data;
  if (!task?.taskId || !task.state) {
    throw new InvalidRequest('malformed_webhook', 'The body names no task or no state');
  }
  const status = statusWord(task.state);
  // A believed delivery must not fail a paid result because its links are not in it.
  const bare = trust === 'token' && status === 'success' && resultLinks(task).length === 0;
  return { taskId: task.taskId, observation: bare ? { kind: 'live', status } : observe(task) };
}
