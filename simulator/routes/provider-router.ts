import path from 'node:path';
import { type ErrorRequestHandler, json, type RequestHandler, Router, raw } from 'express';
import type { Provider, Refusal, TaskFacts } from '../contract/dialect.ts';
import { formContentType, maxFormBytes } from '../dialects/multipart.ts';
import { findTask, keptTasks, type ProviderState } from '../engine/provider-state.ts';
import { cancelTask } from '../engine/run-task.ts';
import { type Task, viewOf } from '../engine/task.ts';
import { refuse, send, sendRefusal, setRateHeaders } from './replies.ts';
import { createStreamRoute } from './stream.ts';
import { createSubmitRoute } from './submit.ts';
import { createTokenRoute } from './token.ts';
import { createUploadRoute } from './upload.ts';

/** Larger than any documented inline image, small enough to bound memory. */
const maxBodyBytes = 25 * 1024 * 1024;

/** One provider's routes: its dialect's words over the shared engine. */
export function createProviderRouter(state: ProviderState): Router {
  const { dialect } = state;
  const router = Router();
  const provider = createProvider(state);
  router.use(refuseDuringOutage(state));
  dialect.mountOpen?.(router, provider);
  router.use(requireKey(state));
  router.use(json({ limit: maxBodyBytes }), raw({ type: formContentType, limit: maxFormBytes }));
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
    upload: (library, read, reply) => createUploadRoute(state, library, read, reply),
    uploads: (library) => state.uploads.list(library),
    findUpload: (library, id) => state.uploads.find(library, id),
    deleteUpload: (library, id) => state.uploads.remove(library, id),
    poll: (reply) => async (request, response) => {
      const id = String(request.params['id']);
      const task = findTask(state, id, Date.now());
      state.book.polled(id, task !== undefined);
      if (!task) {
        sendRefusal(dialect, response, { reason: 'not-found', message: 'No such task.' });
        return;
      }
      task.polls += 1;
      if (task.polls === 1 && task.scenario.expiresToken && dialect.usesAccessTokens) {
        state.tokens.expire(dialect.readKey(request) ?? '');
        const message = 'The access token has expired.';
        sendRefusal(dialect, response, { reason: 'unauthorized', message });
        return;
      }
      if (task.polls <= (task.scenario.failFirstPolls ?? 0)) {
        sendRefusal(dialect, response, {
          reason: 'server-error',
          message: 'Something went wrong on our side.',
        });
        return;
      }
      send(response, await reply(task, provider.view(task)));
    },
    cancel: (reply) => async (request, response) => {
      const task = findTask(state, String(request.params['id']), Date.now());
      if (!task) {
        sendRefusal(dialect, response, { reason: 'not-found', message: 'No such task.' });
        return;
      }
      state.book.cancelRequested(task.id);
      const before = provider.view(task);
      const isCanceled = cancelTask(state, task, provider);
      send(response, await reply(task, { isCanceled, before }));
    },
    stream: (tell, headers) => createStreamRoute(state, tell, headers),
    answer: (reply) => async (request, response) => {
      const answer = await reply(request);
      if ('reason' in answer) sendRefusal(dialect, response, answer);
      else send(response, answer);
    },
    search: (matches, reply) => async (request, response) => {
      const matcher = matches(request);
      if (typeof matcher !== 'function') {
        sendRefusal(dialect, response, matcher);
        return;
      }
      state.book.searched();
      send(response, await reply(keptTasks(state, Date.now()).filter(matcher)));
    },
    token: (read, reply, lifetimeMs) => createTokenRoute(state, { read, reply, lifetimeMs }),
    account: (reply) => (_request, response) => {
      const rate = state.submits.usage(Date.now());
      send(response, reply({ creditsLeft: state.creditsLeft, rate }));
    },
    view: (task) => viewOf(ownTask(state, task), dialect, world.clock, Date.now()),
    giveUp: (task) => cancelTask(state, ownTask(state, task), provider),
    memory: state.memory,
    untilFinal: (task, limitMs) =>
      Promise.race([ownTask(state, task).final, world.clock.pause(limitMs)]),
    async pictures(task) {
      const ids = ownTask(state, task).resultUrls.map((url) => path.posix.parse(url).name);
      const pictures = await Promise.all(ids.map((id) => world.gallery.picture(id)));
      return pictures.filter((picture) => picture !== undefined);
    },
    inspect: (images) => world.gallery.inspect(images),
    url: (pathInside) => `${world.baseUrl()}/${dialect.name}${pathInside}`,
    signingSecret: () => settings.secret ?? dialect.defaultSecret,
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

/** Before everything else, so that nothing is accepted, found or told. */
function refuseDuringOutage(state: ProviderState): RequestHandler {
  return (request, response, next) => {
    const { outage } = state;
    if (!outage || Date.now() >= outage.untilMs) {
      next();
      return;
    }
    const refusal: Refusal = { reason: outage.reason, message: 'Out of order. Try again later.' };
    if (request.method === 'POST') refuse(state, response, refusal);
    else sendRefusal(state.dialect, response, refusal);
  };
}

function requireKey(state: ProviderState): RequestHandler {
  const { dialect, settings } = state;
  const isGood = (key: string): boolean =>
    dialect.usesAccessTokens
      ? state.tokens.isLive(key, Date.now())
      : (settings.keys?.includes(key) ?? true);
  return (request, response, next) => {
    const key = dialect.readKey(request);
    if (key === undefined || !isGood(key)) {
      const refusal: Refusal = { reason: 'unauthorized', message: 'Missing or invalid API key.' };
      if (request.method === 'POST') refuse(state, response, refusal);
      else sendRefusal(dialect, response, refusal);
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
    refuse(state, response, refusal);
  };
}
