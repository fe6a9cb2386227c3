import { createHmac, randomUUID } from 'node:crypto';
import type { Request, Router } from 'express';
import { z } from 'zod';
import type {
  Dialect,
  Provider,
  Refusal,
  RefusalReason,
  Reply,
  TaskFacts,
} from '../../contract/dialect.ts';
import { mountCatalogue } from './catalogue.ts';
import { deployedRunner, mountDeployments } from './deployments.ts';
import { mountFiles } from './files.ts';
import { models } from './models.ts';
import { prediction, readCreation, waitOf, webhookBody } from './prediction.ts';
import { streamEvents } from './stream.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it, "Create a prediction",
// "Receive a webhook", "Verify a webhook", and Standard Webhooks, read 2026-11-21. What no document
// says is an ASSUMPTION.

/** "Receive a webhook": exponentially, the last try about a minute after the end. */
const retryDelaysMs = [2_000, 4_000, 8_000, 16_000, 30_000];

/** ASSUMPTION: how long the status itself can be asked for. */
const keepsTasksForMs = 30 * 24 * 60 * 60 * 1000;

/** "HTTP API", predictions.list. */
const predictionsPerPage = 100;

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

const refusals: Record<RefusalReason, { status: number; title: string }> = {
  unauthorized: { status: 401, title: 'Unauthenticated' },
  invalid: { status: 422, title: 'Input validation failed' },
  'too-large': { status: 413, title: 'Payload too large' },
  'not-found': { status: 404, title: 'Not found' },
  // No idempotency keys here, so a key cannot be reused; named to keep the table whole.
  'key-reused': { status: 422, title: 'Input validation failed' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  // No such limit is documented.
  'concurrency-limited': { status: 429, title: 'Too many requests' },
  'out-of-credit': { status: 402, title: 'Payment required' },
  'server-error': { status: 500, title: 'Internal server error' },
  'html-page': { status: 502, title: 'Bad gateway' },
};

function refuse({ reason, message, retryAfterSeconds = 1 }: Refusal): Reply {
  const { status, title } = refusals[reason];
  if (status !== 429) return { status, body: { title, detail: message, status } };
  const wait = `Expected available in ${retryAfterSeconds} second${retryAfterSeconds === 1 ? '' : 's'}.`;
  return { status, body: { detail: `Request was throttled. ${wait}` } };
}

/** A 4xx on purpose: the official SDK repeats what is answered with a 5xx. */
function notSupported(what: string): Reply {
  const detail = `The simulator does not support ${what}.`;
  return { status: 404, body: { title: 'Not supported by the simulator', detail, status: 404 } };
}

/** At Replicate a model of that name may well exist. */
function otherModel(name: string): Reply {
  const community = models.find((model) => model.name === name);
  if (community) return notSupported(`${name} by its name alone: add :${community.version}`);
  return notSupported(`${name}: it has ${models.map((model) => model.name).join(' and ')}`);
}

const newId = (): string => randomUUID().replaceAll('-', '').slice(0, 26);

async function replyToCreate(task: TaskFacts, provider: Provider): Promise<Reply> {
  const wait = waitOf(task);
  if (wait > 0) await provider.untilFinal(task, wait * 1000);
  const view = provider.view(task);
  if (wait === 0 || view.state !== 'live') {
    return { status: 201, body: await prediction(task, view, provider) };
  }
  // "HTTP API": past its time the prediction is told as starting, whatever it is by then. The
  // official SDK takes any other live status here for the end.
  const starting = { state: 'live', status: 'starting' } as const;
  return { status: 202, body: await prediction(task, starting, provider) };
}

/** Three ways to ask for the same work: by version, by the model's path, by a deployment's. */
function mountPredictions(router: Router, provider: Provider): void {
  const reply = (task: TaskFacts) => replyToCreate(task, provider);
  const create = (request: Request) => readCreation(request, provider);
  router.post('/v1/predictions', provider.submit(create, reply));
  // "HTTP API": community models have no path of their own.
  for (const model of models.filter(({ isOfficial }) => isOfficial)) {
    const run = (request: Request) => readCreation(request, provider, { model });
    router.post(`/v1/models/${model.name}/predictions`, provider.submit(run, reply));
  }
  router.post(
    '/v1/models/:owner/:name/predictions',
    provider.answer(({ params }) => otherModel(`${params['owner']}/${params['name']}`)),
  );
  router.post(
    '/v1/deployments/:owner/:name/predictions',
    provider.submit((request) => {
      const runner = deployedRunner(provider, request);
      return 'reason' in runner ? runner : readCreation(request, provider, runner);
    }, reply),
  );
  mountReading(router, provider);
}

function mountReading(router: Router, provider: Provider): void {
  router.get('/v1/predictions', (request, response, next) =>
    listRoute(provider, cursorSchema.parse(request.query['cursor']))(request, response, next),
  );
  router.get(
    '/v1/predictions/:id',
    provider.poll(async (task, view) => ({
      status: 200,
      body: await prediction(task, view, provider),
    })),
  );
  router.post(
    '/v1/predictions/:id/cancel',
    provider.cancel(async (task, { isCanceled }) =>
      isCanceled
        ? { status: 200, body: await prediction(task, provider.view(task), provider) }
        : // ASSUMPTION: the status; only that it cannot be done is documented.
          refuse({ reason: 'invalid', message: 'The prediction has already finished.' }),
    ),
  );
}

/** ASSUMPTION: what a cursor looks like; here it counts the predictions before the page. */
const cursorSchema = z.coerce.number().int().min(0).catch(0);

/** One page of predictions, the newest first. */
function listRoute(provider: Provider, from: number) {
  return provider.search(
    () => () => true,
    async (tasks) => {
      const end = from + predictionsPerPage;
      const shown = tasks.toReversed().slice(from, end);
      const at = (cursor: number) => provider.url(`/v1/predictions?cursor=${cursor}`);
      const results = shown.map((task) => prediction(task, provider.view(task), provider));
      return {
        status: 200,
        body: {
          previous: from > 0 ? at(Math.max(0, from - predictionsPerPage)) : null,
          next: end < tasks.length ? at(end) : null,
          results: await Promise.all(results),
        },
      };
    },
  );
}

function mountUnsupported(router: Router, provider: Provider): void {
  const answer = (what: string) => provider.answer(() => notSupported(what));
  router.post('/v1/models', answer('creating models'));
  router.post('/v1/models/:owner/:name/versions/:id/trainings', answer('trainings'));
  router.get(['/v1/trainings', '/v1/trainings/:id'], answer('trainings'));
  router.post('/v1/trainings/:id/cancel', answer('trainings'));
}

/** Replicate: predictions of anybody's models, signed webhooks by event, streams, and cancelling. */
export const replicate: Dialect = {
  name: 'replicate',
  liveStatuses: ['starting', 'processing'],
  finalStatuses: { completed: 'succeeded', failed: 'failed', canceled: 'canceled' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: 'whsec_c2ltdWxhdG9yLXJlcGxpY2F0ZS1zZWNyZXQtMzJi',
  switches: { output: ['text', 'list', 'object'], files: ['http', 'https', 'data'] },
  keepsTasksForMs,
  webhook: {
    when: 'every-change',
    retryDelaysMs,
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
