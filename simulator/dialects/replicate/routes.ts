import type { Request, Router } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { readCreation, waitOf } from './creation.ts';
import { limitLife } from './deadline.ts';
import { deployedRunner } from './deployments.ts';
import { notSupported, otherModel, refuse } from './errors.ts';
import { MODELS } from './models.ts';
import { prediction } from './prediction.ts';

// Facts: as in dialect.ts.

/** "HTTP API", predictions.list. */
const PREDICTIONS_PER_PAGE = 100;

async function replyToCreate(task: TaskFacts, provider: Provider): Promise<Reply> {
  limitLife(task, provider);
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
export function mountPredictions(router: Router, provider: Provider): void {
  const reply = (task: TaskFacts) => replyToCreate(task, provider);
  const create = (request: Request) => readCreation(request, provider);
  router.post('/v1/predictions', provider.submit(create, reply));
  // "HTTP API": community models have no path of their own.
  for (const model of MODELS.filter(({ isOfficial }) => isOfficial)) {
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
    listRoute(provider, Cursor.parse(request.query['cursor']))(request, response, next),
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
const Cursor = z.coerce.number().int().min(0).catch(0);

/** One page of predictions, the newest first. */
function listRoute(provider: Provider, from: number) {
  return provider.search(
    () => () => true,
    async (tasks) => {
      const end = from + PREDICTIONS_PER_PAGE;
      const shown = tasks.toReversed().slice(from, end);
      const at = (cursor: number) => provider.url(`/v1/predictions?cursor=${cursor}`);
      const results = shown.map((task) => prediction(task, provider.view(task), provider));
      return {
        status: 200,
        body: {
          previous: from > 0 ? at(Math.max(0, from - PREDICTIONS_PER_PAGE)) : null,
          next: end < tasks.length ? at(end) : null,
          results: await Promise.all(results),
        },
      };
    },
  );
}

/** What Replicate has and the simulator has not. */
export function mountUnsupported(router: Router, provider: Provider): void {
  const answer = (what: string) => provider.answer(() => notSupported(what));
  router.post('/v1/models', answer('creating models'));
  router.post('/v1/models/:owner/:name/versions/:id/trainings', answer('trainings'));
  router.get(['/v1/trainings', '/v1/trainings/:id'], answer('trainings'));
  router.post('/v1/trainings/:id/cancel', answer('trainings'));
}
