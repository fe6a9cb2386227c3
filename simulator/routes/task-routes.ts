import type { Request, RequestHandler } from 'express';
import type { Provider } from '../contract/provider.ts';
import type { Refusal } from '../contract/refusal.ts';
import { findTask, keptTasks, type ProviderState } from '../engine/provider-state.ts';
import { cancelTask } from '../engine/run-task.ts';
import type { Task } from '../engine/task.ts';
import { NO_SUCH_TASK, send, sendRefusal, sendStranger } from './replies.ts';

const TOKEN_EXPIRED: Refusal = { reason: 'unauthorized', message: 'The access token has expired.' };
const PASSING_FAULT: Refusal = {
  reason: 'server-error',
  message: 'Something went wrong on our side.',
};

const taskIn = (state: ProviderState, { params }: Request): Task | undefined =>
  findTask(state, String(params['id']), Date.now());

/** The route that reports one task, unless its scenario fails this poll. */
export function createPollRoute(
  state: ProviderState,
  provider: Provider,
  reply: Parameters<Provider['poll']>[0],
): RequestHandler {
  return async (request, response) => {
    const task = taskIn(state, request);
    state.ledger.polled(String(request.params['id']), task !== undefined);
    const stranger = task?.scenario.strangersFirst?.[task.polls];
    const refusal = task ? refusePoll(state, request, task) : NO_SUCH_TASK;
    if (stranger) sendStranger(response, stranger);
    else if (!task || refusal) sendRefusal(state.dialect, response, refusal ?? NO_SUCH_TASK);
    else send(response, await reply(task, provider.view(task)));
  };
}

/** For a while it says of every task that there is none. */
function isForgetful({ outage }: ProviderState): boolean {
  return outage?.reason === 'unknown-tasks' && Date.now() < outage.untilMs;
}

function refusePoll(state: ProviderState, request: Request, task: Task): Refusal | undefined {
  task.polls += 1;
  const { dialect, tokens } = state;
  if (task.polls === 1 && task.scenario.expiresToken && dialect.usesAccessTokens) {
    tokens.expire(dialect.readKey(request) ?? '');
    return TOKEN_EXPIRED;
  }
  const isUnknown = task.polls <= (task.scenario.unknownToFirstPolls ?? 0);
  if (isUnknown || isForgetful(state)) return NO_SUCH_TASK;
  return task.polls <= (task.scenario.failFirstPolls ?? 0) ? PASSING_FAULT : undefined;
}

/** The route that ends one task as canceled, when it has not ended yet. */
export function createCancelRoute(
  state: ProviderState,
  provider: Provider,
  reply: Parameters<Provider['cancel']>[0],
): RequestHandler {
  return async (request, response) => {
    const task = taskIn(state, request);
    if (!task) {
      sendRefusal(state.dialect, response, NO_SUCH_TASK);
      return;
    }
    state.ledger.cancelRequested(task.id);
    const before = provider.view(task);
    const stopSignal = state.context.stopSignal();
    const isCanceled = cancelTask({ state, task, provider, stopSignal });
    send(response, await reply(task, { isCanceled, before }));
  };
}

/** The route that lists the tasks that a request asks for, oldest first. */
export function createSearchRoute(
  state: ProviderState,
  matches: Parameters<Provider['search']>[0],
  reply: Parameters<Provider['search']>[1],
): RequestHandler {
  return async (request, response) => {
    const matcher = matches(request);
    if (typeof matcher !== 'function') {
      sendRefusal(state.dialect, response, matcher);
      return;
    }
    state.ledger.searched();
    send(response, await reply(keptTasks(state, Date.now()).filter(matcher)));
  };
}
