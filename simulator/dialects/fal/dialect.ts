import { randomUUID } from 'node:crypto';
import type { Dialect } from '../../contract/dialect.ts';
import { refuse } from './errors.ts';
import { mountProxy } from './hosts.ts';
import { webhookBody } from './result.ts';
import { mountQueue, mountRun } from './routes.ts';
import { keySetFor, signFal } from './signature.ts';
import { mountFiles, mountRest } from './storage.ts';

// Facts: fal, "Queue", "Synchronous requests", "Webhooks", "Cancel" and the pages of the models, read
// 2026-11-21. What no document says is an ASSUMPTION.

/** "Webhooks": ten tries within two hours. ASSUMPTION: their spacing. */
const RETRY_DELAYS_MS = [15, 30, 60, 120, 240, 480, 900, 1_500, 1_800, 2_000].map((s) => s * 1000);

/** ASSUMPTION: how long a request can be asked about; only that media are kept is documented. */
const KEEPS_TASKS_FOR_MS = 30 * 24 * 60 * 60 * 1000;
/** fal: its queue, calls that wait, storage, and webhooks signed with Ed25519, for some models. */
export const fal: Dialect = {
  name: 'fal',
  liveStatuses: ['IN_QUEUE', 'IN_PROGRESS'],
  finalStatuses: { completed: 'OK', failed: 'ERROR', canceled: 'CANCELED' },
  refundsFailures: true, // "Reliability": failures of the server are not billed.
  startingCredits: 1_000_000,
  defaultSecret: 'simulator-fal',
  switches: {
    payload: ['sent', 'missing'],
    'gateway-id': ['same', 'other'],
    errors: ['typed', 'legacy'],
  },
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    when: 'final',
    retryDelaysMs: RETRY_DELAYS_MS,
    accepts: (status) => status >= 200 && status < 300, // ASSUMPTION
    body: webhookBody,
    sign: ({ body, secret }) => signFal(body, secret, Date.now()),
  },
  newTaskId: () => randomUUID(),
  // Literally `Key`, not Bearer. Keys have two parts, but that is no rule, so any will do.
  readKey: (request) => /^Key (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mountOpen(router, provider) {
    // Also a refused call has a number; one about a request has that request's.
    router.use((_request, response, next) => {
      response.set('x-fal-request-id', randomUUID());
      next();
    });
    router.get('/.well-known/jwks.json', (_request, response) => {
      response.json(keySetFor(provider.signingSecret()));
    });
    mountProxy(router, provider);
    mountFiles(router, provider);
  },
  mount(router, provider) {
    mountQueue(router, provider);
    mountRest(router, provider);
    mountRun(router, provider);
  },
};
