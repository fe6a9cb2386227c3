import { verifyHexHmac } from '../../outbound/signature.ts';
import type { SignedWebhook, WebhookReading } from '../provider.ts';
import { parseWebhook, statusWord } from '../wire-values.ts';
import { Change, observe } from './wire.ts';

/** "Webhooks Integration Guide": the one event there is. */
const STATUS_CHANGED = 'generation.status_changed';

/**
 * Vtryon's webhook ("Webhooks Integration Guide", read 2026-11-20): one endpoint for the account, set
 * in its dashboard, told of every change of every task, also of tasks that are not ours.
 * `x-vtryon-signature` is the hex HMAC-SHA256 of the raw body, and the whole secret is the key,
 * `whsec_` and all. Nothing tells when or in which order the events were sent, so each is read for
 * itself; a live one after a final one meets a final record.
 *
 * ASSUMPTION: a task id is unique in the account over all kinds of tasks, recolouring included.
 */
export function vtryonWebhook(secrets: readonly string[]): SignedWebhook {
  return {
    scope: 'account',
    trust: 'signature',
    verify: ({ headers, body }) =>
      verifyHexHmac({ secrets, body, signature: headers['x-vtryon-signature'] }),
    read,
  };
}

function read(body: Buffer): WebhookReading {
  const change = parseWebhook(Change, body);
  const taskId = change.task_id;
  const result_url = change.data?.result_url;
  const observation = observe({ ...change, result_url });
  const withoutResult = statusWord(change.status) === 'completed' && !result_url;
  // An event that no page names decides nothing, and neither does a completion without its link:
  // both are signs of life, and the status check tells.
  if (withoutResult || (change.event ?? STATUS_CHANGED) !== STATUS_CHANGED) {
    return { taskId, observation: { kind: 'live', status: statusWord(change.status) } };
  }
  return { taskId, observation };
}
