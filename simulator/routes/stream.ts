import type { RequestHandler } from 'express';
import type { Provider } from '../contract/provider.ts';
import type { TaskFacts, TaskView } from '../contract/task.ts';
import { findTask, type ProviderState } from '../engine/provider-state.ts';
import { type Task, viewOf } from '../engine/task.ts';
import { sendEvents } from './event-stream.ts';
import { NO_SUCH_TASK, sendRefusal } from './replies.ts';

/** How often a task is looked at while it lasts: often enough to miss none of its statuses. */
const LOOKS_PER_LATENCY = 20;

/** The route that tells one task as server-sent events, until its end or until the caller has gone. */
export function createStreamRoute(
  state: ProviderState,
  tell: Parameters<Provider['stream']>[0],
  headers: (task: TaskFacts) => Record<string, string> = () => ({}),
): RequestHandler {
  return async (request, response) => {
    const task = findTask(state, String(request.params['id']), Date.now());
    if (!task) {
      sendRefusal(state.dialect, response, NO_SUCH_TASK);
      return;
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    response.set(headers(task));
    await sendEvents(response, tell(task, viewsOf(state, task, gone.signal), request));
  };
}

async function* viewsOf(
  state: ProviderState,
  task: Task,
  gone: AbortSignal,
): AsyncGenerator<TaskView> {
  const { clock } = state.context;
  const stopSignal = state.context.stopSignal();
  let shown: string | undefined;
  while (!gone.aborted && !stopSignal.aborted) {
    const view = viewOf(task, state.dialect, clock, Date.now());
    const status = view.state === 'live' ? view.status : view.state;
    if (status !== shown) yield view;
    if (view.state !== 'live') return;
    shown = status;
    await Promise.race([task.final, clock.pause(task.latencyMs / LOOKS_PER_LATENCY)]);
  }
}
