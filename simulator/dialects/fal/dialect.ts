import { randomUUID } from 'node:crypto';
import type { Request, Router } from 'express';
import type { Dialect, Provider, Reply, TaskFacts } from '../../contract/dialect.ts';
import { notSupported, refuse, requestError } from './errors.ts';
import { mountProxy } from './hosts.ts';
import {
  addresses,
  headersOf,
  replyToResult,
  replyToStatus,
  statusEvents,
  webhookBody,
} from './queue.ts';
import { keySetFor, signFal } from './signature.ts';
import { limitStart } from './start-timeout.ts';
import { mountFiles, mountRest } from './storage.ts';
import { app, model, readSubmission } from './submission.ts';

// Facts: fal, "Queue", "Synchronous requests", "Webhooks", "Cancel" and the page of the model, read
// 2026-11-21. What no document says is an ASSUMPTION.

/** "Webhooks": ten tries within two hours. ASSUMPTION: their spacing. */
const retryDelaysMs = [15, 30, 60, 120, 240, 480, 900, 1_500, 1_800, 2_000].map((s) => s * 1000);

/** ASSUMPTION: how long a request can be asked about; only that media are kept is documented. */
const keepsTasksForMs = 30 * 24 * 60 * 60 * 1000;

/** ASSUMPTION: how long a call that waits is held open. */
const longestRunMs = 10 * 60 * 1000;

function replyToSubmit(task: TaskFacts, provider: Provider): Reply {
  limitStart(task, provider);
  const about = { request_id: task.id, queue_position: 0, ...addresses(task, provider) };
  return { status: 200, headers: headersOf(task), body: { status: 'IN_QUEUE', ...about } };
}

/** "Synchronous requests": the same work without the queue, answered when it is done. */
async function replyToRun(task: TaskFacts, provider: Provider): Promise<Reply> {
  limitStart(task, provider);
  await provider.untilFinal(task, longestRunMs);
  const view = provider.view(task);
  if (view.state !== 'live') return replyToResult(task, view, provider);
  provider.giveUp(task);
  const reply = requestError(504, 'request_timeout', 'The request took too long.');
  return { ...reply, headers: { ...headersOf(task), ...reply.headers } };
}

const wantsLogs = (request: Request): boolean => request.query['logs'] === '1';

function mountQueue(router: Router, provider: Provider): void {
  const one = `/${app}/requests/:id`;
  router.post(
    `/${model}`,
    provider.submit(readSubmission, (task) => replyToSubmit(task, provider)),
  );
  router.get(`${one}/status`, (request, response, next) =>
    provider.poll((task, view) => replyToStatus(task, view, provider, wantsLogs(request)))(
      request,
      response,
      next,
    ),
  );
  router.get(
    `${one}/status/stream`,
    provider.stream(
      (task, views, request) => statusEvents(task, views, provider, wantsLogs(request)),
      headersOf,
    ),
  );
  router.get(
    one,
    provider.poll((task, view) => replyToResult(task, view, provider)),
  );
  mountCancel(router, provider);
}

function mountCancel(router: Router, provider: Provider): void {
  router.put(
    `/${app}/requests/:id/cancel`,
    provider.cancel((task, { isCanceled, before }) => {
      const headers = headersOf(task);
      if (!isCanceled) return { status: 400, headers, body: { status: 'ALREADY_COMPLETED' } };
      // ASSUMPTION: OK is for what had not begun.
      const hadBegun = before.state === 'live' && before.status !== 'IN_QUEUE';
      return hadBegun
        ? { status: 202, headers, body: { status: 'CANCELLATION_REQUESTED' } }
        : { status: 200, headers, body: { status: 'OK' } };
    }),
  );
}

/** `fal.run`: calls that wait. This model has no stream of partial results, at fal either. */
function mountRun(router: Router, provider: Provider): void {
  router.post(
    `/run/${model}`,
    provider.submit(readSubmission, (task) => replyToRun(task, provider)),
  );
  const noStream = notSupported('streams of partial results');
  router.all(
    `/run/${model}/stream`,
    provider.answer(() => noStream),
  );
  const otherModel = notSupported(`this model; it has ${model}`);
  router.post(
    ['/run/:owner/:app{/*rest}', '/:owner/:app{/*rest}'],
    provider.answer(() => otherModel),
  );
}

/** fal: its queue, calls that wait, storage, and webhooks signed with Ed25519, for one model. */
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
  keepsTasksForMs,
  webhook: {
    when: 'final',
    retryDelaysMs,
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
