import path from 'node:path';
import type { Provider } from '../contract/provider.ts';
import type { TaskFacts } from '../contract/task.ts';
import type { ProviderState } from '../engine/provider-state.ts';
import { cancelTask } from '../engine/run-task.ts';
import { type Task, viewOf } from '../engine/task.ts';
import { send, sendRefusal } from './replies.ts';
import { createStreamRoute } from './stream.ts';
import { createSubmitRoute } from './submit.ts';
import { createCancelRoute, createPollRoute, createSearchRoute } from './task-routes.ts';
import { createTokenRoute } from './token.ts';
import { createUploadRoute } from './upload.ts';

type Routes = Pick<
  Provider,
  'submit' | 'upload' | 'poll' | 'cancel' | 'stream' | 'answer' | 'search' | 'token' | 'account'
>;

/** What the engine offers the dialect of one provider. */
export function createProvider(state: ProviderState): Provider {
  const { dialect, context, settings, uploads } = state;
  const provider: Provider = {
    ...createRoutes(state, () => provider),
    uploads: (library) => uploads.list(library),
    findUpload: (library, id) => uploads.find(library, id),
    deleteUpload: (library, id) => uploads.remove(library, id),
    view: (task) => viewOf(ownTask(state, task), dialect, context.clock, Date.now()),
    giveUp(facts) {
      const task = ownTask(state, facts);
      return cancelTask({ state, task, provider, stopSignal: context.stopSignal() });
    },
    memory: state.memory,
    untilFinal: (task, limitMs) =>
      Promise.race([ownTask(state, task).final, context.clock.pause(limitMs)]),
    async pictures(task) {
      const ids = ownTask(state, task).resultUrls.map((url) => path.posix.parse(url).name);
      const pictures = await Promise.all(ids.map((id) => context.results.picture(id)));
      return pictures.filter((picture) => picture !== undefined);
    },
    inspect: (images) => context.results.inspect(images),
    url: (pathInside) => `${context.baseUrl()}/${dialect.name}${pathInside}`,
    signingSecret: () => settings.secret ?? dialect.defaultSecret,
    chosen: (name) => settings.switches?.[name] ?? dialect.switches[name]?.[0] ?? '',
  };
  return provider;
}

function createRoutes(state: ProviderState, own: () => Provider): Routes {
  return {
    submit: (read, reply) => createSubmitRoute(state, own(), { read, reply }),
    upload: (library, read, reply) => createUploadRoute(state, library, read, reply),
    poll: (reply) => createPollRoute(state, own(), reply),
    cancel: (reply) => createCancelRoute(state, own(), reply),
    stream: (tell, headers) => createStreamRoute(state, tell, headers),
    answer: (reply) => async (request, response) => {
      const answer = await reply(request);
      if ('reason' in answer) sendRefusal(state.dialect, response, answer);
      else send(response, answer);
    },
    search: (matches, reply) => createSearchRoute(state, matches, reply),
    token: (read, reply, lifetimeMs) => createTokenRoute(state, { read, reply, lifetimeMs }),
    account: (reply) => (_request, response) => {
      const rate = state.submits.usage(Date.now());
      send(response, reply({ creditsLeft: state.creditsLeft, rate }));
    },
  };
}

/** A dialect hands back the facts it was given; this finds the rest of the task again. */
function ownTask(state: ProviderState, facts: TaskFacts): Task {
  const task = state.tasks.peek(facts.id);
  if (!task) throw new Error(`${state.dialect.name} has no task ${facts.id}`);
  return task;
}
