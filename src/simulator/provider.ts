import path from 'node:path';
import { type ErrorRequestHandler, json, type RequestHandler, Router } from 'express';
import type { Provider, Refusal, TaskFacts } from './dialect.ts';
import { findTask, type ProviderState } from './provider-state.ts';
import { send, sendRefusal, setRateHeaders } from './replies.ts';
import { createSubmitRoute } from './submit-route.ts';
import { type Task, viewOf } from './task.ts';

/** Larger than any documented inline image, small enough to bound memory. */
const maxBodyBytes = 25 * 1024 * 1024;

/** One provider's routes: its dialect's words over the shared engine. */
export function createProviderRouter(state: ProviderState): Router {
  const { dialect } = state;
  const router = Router();
  const provider = createProvider(state);
  dialect.mountOpen?.(router, provider);
  router.use(requireKey(state));
  router.use(json({ limit: maxBodyBytes }));
  dialect.mount(router, provider);
  router.use((_request, response) => {
    sendRefusal(dialect, response, { reason: 'not-found', message: 'No such resource.' });
  });
  router.use(refuseUnreadableBody(state));
  return router;
}

function createProvider(state: ProviderState): Provider {
  const { dialect, world, settings } = state;
  const provider: Provider = {
    submit: (read, reply) => createSubmitRoute(state, provider, read, reply),
    poll: (reply) => async (request, response) => {
      const id = String(request.params['id']);
      const task = findTask(state, id, Date.now());
      state.book.polled(id, task !== undefined);
      if (!task) {
        sendRefusal(dialect, response, { reason: 'not-found', message: 'No such task.' });
        return;
      }
      task.polls += 1;
      if (task.polls <= (task.scenario.failFirstPolls ?? 0)) {
        sendRefusal(dialect, response, {
          reason: 'server-error',
          message: 'Something went wrong on our side.',
        });
        return;
      }
      send(response, await reply(task, provider.view(task)));
    },
    account: (reply) => (_request, response) => {
      const rate = state.submits.usage(Date.now());
      send(response, reply({ creditsLeft: state.creditsLeft, rate }));
    },
    view: (task) => viewOf(ownTask(state, task), dialect, world.clock, Date.now()),
    untilFinal: (task, limitMs) =>
      Promise.race([ownTask(state, task).final, world.clock.pause(limitMs)]),
    async pictures(task) {
      const ids = ownTask(state, task).resultUrls.map((url) => path.posix.basename(url, '.png'));
      const pictures = await Promise.all(ids.map((id) => world.gallery.png(id)));
      return pictures.filter((picture) => picture !== undefined);
    },
    chosen: (name) => settings.switches?.[name] ?? dialect.switches[name]?.[0] ?? '',
  };
  return provider;
}

/** A dialect hands back the facts it was given; this finds the rest of the task again. */
function ownTask(state: ProviderState, facts: TaskFacts): Task {
  const task = state.tasks.get(facts.id);
  if (!task) throw new Error(`${state.dialect.name} has no task ${facts.id}`);
  return task;
}

function requireKey(state: ProviderState): RequestHandler {
  const { dialect, settings } = state;
  return (request, response, next) => {
    const key = dialect.readKey(request);
    if (key === undefined || (settings.keys && !settings.keys.includes(key))) {
      const refusal: Refusal = { reason: 'unauthorized', message: 'Missing or invalid API key.' };
      const httpStatus = sendRefusal(dialect, response, refusal);
      if (request.method === 'POST') {
        state.book.refused({
          atMs: Date.now(),
          reason: refusal.reason,
          httpStatus,
          idempotencyKey: null,
          inputFingerprint: null,
        });
      }
      return;
    }
    setRateHeaders(state, response);
    next();
  };
}

/** Express hands the body parser's complaints here; anything else is a defect and goes on. */
function refuseUnreadableBody(state: ProviderState): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const type = error instanceof Error && 'type' in error ? error.type : undefined;
    const refusal: Refusal | undefined =
      type === 'entity.too.large'
        ? { reason: 'too-large', message: 'The request body is too large.' }
        : type === 'entity.parse.failed'
          ? { reason: 'invalid', message: 'The request body is not valid JSON.' }
          : undefined;
    if (!refusal || response.headersSent) {
      next(error);
      return;
    }
    const httpStatus = sendRefusal(state.dialect, response, refusal);
    state.book.refused({
      atMs: Date.now(),
      reason: refusal.reason,
      httpStatus,
      idempotencyKey: null,
      inputFingerprint: null,
    });
  };
}
