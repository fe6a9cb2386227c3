import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Provider, Reply, TaskFacts, TaskView } from '../../contract/dialect.ts';
import type { ServerSentEvent } from '../../routes/event-stream.ts';
import { requestError } from './errors.ts';
import { hasTimedOut } from './start-timeout.ts';
import { app, notesOf } from './submission.ts';

// Facts: fal, "Queue", "Webhooks", "Errors", "Request errors", "Get request status", "Stream request
// status", the page of the model and the types of the official SDK, read 2026-11-21. What no
// document says is an ASSUMPTION.

/** Every answer about a request names it; the official SDK hands this to its users. */
export function headersOf(task: TaskFacts): Record<string, string> {
  return { 'x-fal-request-id': task.id };
}

/** The addresses under which a request can be asked about. */
export function addresses(task: TaskFacts, provider: Provider): Record<string, string> {
  const own = provider.url(`/${app}/requests/${task.id}`);
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

/** The model's output. With `sync_mode` the pictures are in it. */
async function output(
  task: TaskFacts,
  resultUrls: readonly string[],
  provider: Provider,
): Promise<unknown> {
  const content_type = `image/${task.submission.outputFormat ?? 'png'}`;
  const pictures = notesOf(task.submission).isInline ? await provider.pictures(task) : [];
  const images = resultUrls.map((link, index) => {
    const inline = pictures[index]?.toString('base64');
    return {
      url: inline === undefined ? link : `data:${content_type};base64,${inline}`,
      content_type,
      file_name: path.posix.basename(link),
    };
  });
  return { images };
}

/** ASSUMPTION: which error types a try-on fails with; only the list of all is documented. */
const failureTypes = {
  'image-load': { status: 422, type: 'file_download_error', isRetryable: false },
  moderation: { status: 422, type: 'content_policy_violation', isRetryable: false },
  generation: { status: 500, type: 'internal_server_error', isRetryable: true },
};

/** What a request that did not end well answers in place of its output. */
function failure(
  task: TaskFacts,
  view: Exclude<TaskView, { state: 'live' | 'completed' }>,
  provider: Provider,
): Reply {
  if (view.state === 'canceled') {
    if (!hasTimedOut(task, provider)) {
      return requestError(499, 'client_cancelled', 'The request was cancelled by the client.');
    }
    const reply = requestError(504, 'request_timeout', 'The request did not start in time.');
    return { ...reply, headers: { ...reply.headers, 'x-fal-request-timeout-type': 'user' } };
  }
  const { status, type, isRetryable } = failureTypes[view.kind];
  const details = [
    { loc: ['body'], msg: view.message, type, url: `https://docs.fal.ai/errors#${type}` },
  ];
  return {
    status,
    headers: { 'X-Fal-Retryable': String(isRetryable) },
    // Some endpoints have not been moved to the documented structure.
    body: { detail: provider.chosen('errors') === 'legacy' ? view.message : details },
  };
}

/** The output, the error in its place, or that there is neither yet. */
export async function replyToResult(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<Reply> {
  const headers = headersOf(task);
  if (view.state === 'live') return { status: 202, headers, body: { status: view.status } };
  if (view.state === 'completed') {
    return { status: 200, headers, body: await output(task, view.resultUrls, provider) };
  }
  const reply = failure(task, view, provider);
  return { ...reply, headers: { ...headers, ...reply.headers } };
}

/** The one message, about the end. */
export async function webhookBody(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<unknown> {
  if (view.state === 'live') return undefined;
  // ASSUMPTION: who cancels is not told of it.
  if (view.state === 'canceled' && !hasTimedOut(task, provider)) return undefined;
  const isMoved = provider.chosen('gateway-id') === 'other';
  const ids = { request_id: task.id, gateway_request_id: isMoved ? randomUUID() : task.id };
  if (view.state !== 'completed') {
    const { status, body } = failure(task, view, provider);
    return { ...ids, status: 'ERROR', error: `Invalid status code: ${status}`, payload: body };
  }
  return provider.chosen('payload') === 'missing'
    ? { ...ids, status: 'OK', payload: null, payload_error: 'Response payload is not JSON.' }
    : { ...ids, status: 'OK', payload: await output(task, view.resultUrls, provider) };
}
