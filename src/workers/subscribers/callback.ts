import { callbackSecret } from '../../generation/callback-secret.ts';
import { Defect, Retryable, Terminal } from '../../generation/errors.ts';
import type { SubscriberJob } from '../../generation/jobs.ts';
import type { HttpClient } from '../../providers/http-client.ts';
import { deferral } from '../../providers/refusal.ts';
import { signStandard } from '../../providers/signature.ts';

const GONE = 410;
/** These say "too much": their Retry-After counts. */
const THROTTLED = new Set([429, 502, 503, 504]);

/**
 * The `callback` subscriber: posts the completion event to the URL that the app gave, signed by the
 * Standard Webhooks specification. `webhook-id` is the same at every try. Only 2xx is success; a
 * redirect is not followed; 410 ends it at once.
 * @throws Retryable until the queue's attempts are used up, then the job is a dead letter.
 */
export function createCallback(parts: {
  /** Refuses private addresses where the settings do. */
  http: HttpClient;
  /** Our own secrets, the live one first. */
  secrets: readonly string[];
  now: () => number;
}): (job: SubscriberJob) => Promise<void> {
  return async ({ event, callbackUrl }) => {
    if (!callbackUrl) throw new Defect('A callback job without its URL.');
    const body = JSON.stringify(event);
    const timestampSeconds = Math.floor(parts.now() / 1000);
    const secrets = parts.secrets.map((secret) => callbackSecret(secret, event.data.tenant));
    const answer = await parts.http.request({
      // Free to repeat: the receiver knows the event by its id.
      kind: 'read',
      method: 'POST',
      url: callbackUrl,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Catwalk',
        'webhook-id': event.id,
        'webhook-timestamp': String(timestampSeconds),
        'webhook-signature': signStandard({ id: event.id, timestampSeconds, body, secrets }),
      },
      body,
    });
    if (answer.ok) return;
    if (answer.status === GONE) throw new Terminal('callback_gone', 'The callback URL is gone.');
    if (THROTTLED.has(answer.status)) throw deferral(answer, 'unavailable');
    throw new Retryable('unavailable', `The callback URL answered ${answer.status}.`);
  };
}
