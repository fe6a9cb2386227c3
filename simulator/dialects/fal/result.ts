import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Provider } from '../../contract/provider.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { requestError } from './errors.ts';
import { headersOf } from './queue.ts';
import { hasTimedOut } from './start-timeout.ts';
import { modelOf, notesOf } from './submission.ts';

// Facts: as in dialect.ts.

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
  return modelOf(task.submission).output === 'image' ? { image: images[0] } : { images };
}

/** ASSUMPTION: which error types a try-on fails with; only the list of all is documented. */
const FAILURE_TYPES = {
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
  const { status, type, isRetryable } = FAILURE_TYPES[view.kind];
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

/** As client programs read it. ASSUMPTION: that it is on every result, and only there. */
function billed({ submission }: TaskFacts): Record<string, string> {
  return { 'x-fal-billable-units': String(submission.resultCount) };
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
    const body = await output(task, view.resultUrls, provider);
    return { status: 200, headers: { ...headers, ...billed(task) }, body };
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
