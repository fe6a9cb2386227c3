import { createHmac, randomUUID } from 'node:crypto';
import type { Dialect } from '../../contract/dialect.ts';
import { mountCatalogue } from './catalogue.ts';
import { mountDeployments } from './deployments.ts';
import { refuse } from './errors.ts';
import { mountFiles } from './files.ts';
import { webhookBody } from './prediction.ts';
import { mountPredictions, mountUnsupported } from './routes.ts';
import { streamEvents } from './stream.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it, "Create a prediction",
// "Receive a webhook", "Verify a webhook", and Standard Webhooks, read 2026-11-21. What no document
// says is an ASSUMPTION.

/** "Receive a webhook": exponentially, the last try about a minute after the end. */
const RETRY_DELAYS_MS = [2_000, 4_000, 8_000, 16_000, 30_000];

/** ASSUMPTION: how long the status itself can be asked for. */
const KEEPS_TASKS_FOR_MS = 30 * 24 * 60 * 60 * 1000;

/** Standard Webhooks: base64 HMAC-SHA256 under the key that the base64 after `whsec_` stands for. */
function sign(message: { body: Buffer; secret: string; messageId: string }) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(message.secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key)
    .update(`${message.messageId}.${timestamp}.`)
    .update(message.body)
    .digest('base64');
  return {
    'webhook-id': message.messageId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}

const newId = (): string => randomUUID().replaceAll('-', '').slice(0, 26);
/** Replicate: predictions of anybody's models, signed webhooks by event, streams, and cancelling. */
export const replicate: Dialect = {
  name: 'replicate',
  liveStatuses: ['starting', 'processing'],
  finalStatuses: { completed: 'succeeded', failed: 'failed', canceled: 'canceled' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: 'whsec_c2ltdWxhdG9yLXJlcGxpY2F0ZS1zZWNyZXQtMzJi',
  switches: { output: ['text', 'list', 'object'], files: ['http', 'https', 'data'] },
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    when: 'every-change',
    retryDelaysMs: RETRY_DELAYS_MS,
    // No answer, 4xx and 5xx are repeated; redirects are not followed, and not repeated either.
    accepts: (status) => status < 400,
    body: webhookBody,
    sign,
  },
  newTaskId: newId,
  // Tokens look like `r8_…`, but that is inferred, so any will do.
  readKey: (request) => /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mountOpen(router, provider) {
    // The official SDK sends no key here: who knows the address may read.
    router.get(
      '/stream/v1/files/:id',
      provider.stream((task, views) => streamEvents(task, views, provider)),
    );
  },
  mount(router, provider) {
    mountPredictions(router, provider);
    mountDeployments(router, provider);
    mountFiles(router, provider, newId);
    mountUnsupported(router, provider);
    mountCatalogue(router, provider);
    router.get(
      '/v1/webhooks/default/secret',
      provider.answer(() => ({ status: 200, body: { key: provider.signingSecret() } })),
    );
  },
};
