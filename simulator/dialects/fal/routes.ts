import type { Request, Router } from 'express';
import type { Provider } from '../../contract/provider.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { notSupported, requestError } from './errors.ts';
import { MODELS, type Model } from './models.ts';
import { addresses, headersOf, replyToStatus, statusEvents } from './queue.ts';
import { replyToResult } from './result.ts';
import { limitStart } from './start-timeout.ts';
import { readSubmission } from './submission.ts';

// Facts: as in dialect.ts.

/** ASSUMPTION: how long a call that waits is held open. */
const LONGEST_RUN_MS = 10 * 60 * 1000;

function replyToSubmit(task: TaskFacts, provider: Provider): Reply {
  limitStart(task, provider);
  const about = { request_id: task.id, queue_position: 0, ...addresses(task, provider) };
  return { status: 200, headers: headersOf(task), body: { status: 'IN_QUEUE', ...about } };
}

/** "Synchronous requests": the same work without the queue, answered when it is done. */
async function replyToRun(task: TaskFacts, provider: Provider): Promise<Reply> {
  limitStart(task, provider);
  await provider.untilFinal(task, LONGEST_RUN_MS);
  const view = provider.view(task);
  if (view.state !== 'live') return replyToResult(task, view, provider);
  provider.giveUp(task);
  const reply = requestError(504, 'request_timeout', 'The request took too long.');
  return { ...reply, headers: { ...headersOf(task), ...reply.headers } };
}

const wantsLogs = (request: Request): boolean => request.query['logs'] === '1';

/** The queue: submit, status, stream, result, cancel. */
export function mountQueue(router: Router, provider: Provider): void {
  for (const model of MODELS) {
    router.post(
      `/${model.name}`,
      provider.submit(
        (request) => readSubmission(request, model),
        (task) => replyToSubmit(task, provider),
      ),
    );
  }
  for (const app of new Set(MODELS.map((model) => model.app))) mountRequests(router, provider, app);
}

function mountRequests(router: Router, provider: Provider, app: string): void {
  const one = `/${app}/requests/:id`;
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
  router.put(
    `${one}/cancel`,
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

/** `fal.run`: calls that wait. These models have no stream of partial results, at fal either. */
export function mountRun(router: Router, provider: Provider): void {
  for (const model of MODELS) mountRunOf(router, provider, model);
  const names = MODELS.map(({ name }) => name).join(', ');
  const otherModel = notSupported(`this model; it has ${names}`);
  router.post(
    ['/run/:owner/:app{/*rest}', '/:owner/:app{/*rest}'],
    provider.answer(() => otherModel),
  );
}

function mountRunOf(router: Router, provider: Provider, model: Model): void {
  router.post(
    `/run/${model.name}`,
    provider.submit(
      (request) => readSubmission(request, model),
      (task) => replyToRun(task, provider),
    ),
  );
  const noStream = notSupported('streams of partial results');
  router.all(
    `/run/${model.name}/stream`,
    provider.answer(() => noStream),
  );
}
