import type { Provider } from '../../contract/provider.ts';
import type { Reply, ServerSentEvent } from '../../contract/reply.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { modelOf } from './submission.ts';

// Facts: fal, "Queue", "Webhooks", "Errors", "Request errors", "Get request status", "Stream request
// status", the page of the model and the types of the official SDK, read 2026-11-21. What no
// document says is an ASSUMPTION.

/** Every answer about a request names it; the official SDK hands this to its users. */
export function headersOf(task: TaskFacts): Record<string, string> {
  return { 'x-fal-request-id': task.id };
}

/** The addresses under which a request can be asked about. */
export function addresses(task: TaskFacts, provider: Provider): Record<string, string> {
  const own = provider.url(`/${modelOf(task.submission).app}/requests/${task.id}`);
  return { response_url: own, status_url: `${own}/status`, cancel_url: `${own}/cancel` };
}

/** ASSUMPTION: what the runner writes. Each line belongs to one status. */
function logsAt(task: TaskFacts, view: TaskView): unknown[] {
  const line = (message: string, atMs: number) => ({
    message,
    level: 'INFO',
    source: 'USER',
    timestamp: new Date(atMs).toISOString(),
  });
  if (view.state !== 'live') return [line('Finished.', task.finishedAtMs ?? Date.now())];
  return view.status === 'IN_QUEUE' ? [] : [line('Dressing the person.', task.acceptedAtMs)];
}

/** Every end is COMPLETED, also a bad one. `logs` is there, and empty unless it is asked for. */
function statusBody(task: TaskFacts, view: TaskView, logs: unknown[], provider: Provider) {
  const about = { request_id: task.id, ...addresses(task, provider) };
  if (view.state !== 'live') {
    const seconds = ((task.finishedAtMs ?? Date.now()) - task.acceptedAtMs) / 1000;
    return { status: 'COMPLETED', ...about, logs, metrics: { inference_time: seconds } };
  }
  const isWaiting = view.status === 'IN_QUEUE';
  return { status: view.status, ...about, ...(isWaiting ? { queue_position: 0 } : { logs }) };
}

/** Pending requests are told with 202. */
export function replyToStatus(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
  wantsLogs: boolean,
): Reply {
  const begun: TaskView = { state: 'live', status: 'IN_PROGRESS' };
  const earlier = view.state === 'live' ? [] : logsAt(task, begun);
  const logs = wantsLogs ? [...earlier, ...logsAt(task, view)] : [];
  return {
    status: view.state === 'live' ? 202 : 200,
    headers: headersOf(task),
    body: statusBody(task, view, logs, provider),
  };
}

/** The statuses of a request as events, each with the lines that are new. */
export async function* statusEvents(
  task: TaskFacts,
  views: AsyncIterable<TaskView>,
  provider: Provider,
  wantsLogs: boolean,
): AsyncGenerator<ServerSentEvent> {
  for await (const view of views) {
    const logs = wantsLogs ? logsAt(task, view) : [];
    yield { data: JSON.stringify(statusBody(task, view, logs, provider)) };
  }
}
