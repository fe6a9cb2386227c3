import { Defect, Retryable, Terminal } from '../../generation/errors.ts';
import type { SubscriberJob } from '../../generation/jobs.ts';
import { callbackSecret } from '../../outbound/callback-secret.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import { LONGEST_RETRY_AFTER_MS, retryAfterMs } from '../../outbound/retry-after.ts';
import { signStandard } from '../../outbound/signature.ts';

const GONE = 410;

/**
 * The `callback` subscriber: posts the completion event to the URL that the app gave, signed by the
 * Standard Webhooks specification. `webhook-id` is the same at every try. The status alone decides,
 * whatever body follows it: only 2xx is success, a redirect is not followed, 410 ends it at once.
 * @throws Retryable until the queue's attempts are used up, then the job is a dead letter; with the
 *   wait that Retry-After asks for, whatever the status. Terminal when that is more than a day.
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
      kind: 'safe-to-retry',
      method: 'POST',
      url: callbackUrl,
      headers: {
        'content-type': 'application/json',
        'webhook-id': event.id,
        'webhook-timestamp': String(timestampSeconds),
        'webhook-signature': signStandard({ id: event.id, timestampSeconds, body, secrets }),
      },
      body,
      answer: 'status',
    });
    if (!answer.ok) throw refused(answer, parts.now());
  };
}

function refused({ status, headers }: HttpAnswer, now: number): Retryable | Terminal {
  if (status === GONE) return new Terminal('callback_gone', 'The callback URL is gone.');
  const wait = retryAfterMs(headers['retry-after'], now);
  if (wait !== undefined && wait > LONGEST_RETRY_AFTER_MS) {
    return new Terminal(
      'callback_retry_too_late',
      `The callback URL refused with status ${status} and a Retry-After of more than a day. ` +
        'Redrive this job when it takes deliveries again.',
    );
  }
  return new Retryable('unavailable', `The callback URL answered ${status}.`, {
    retryAfterMs: wait,
    met: `http_${status}`,
  });
}
