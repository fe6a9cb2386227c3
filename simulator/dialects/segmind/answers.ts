import type { Provider } from '../../contract/provider.ts';
import type { Refusal, RefusalReason } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';
import { NO_MODEL, Notes } from './submission.ts';

// Facts: as in dialect.ts.

/** "Async inference": status and result live an hour, counted from the submission. */
export const KEEPS_TASKS_FOR_MS = 60 * 60 * 1000;

/** ASSUMPTION: how long a version 1 call is held open. */
const MAX_WAIT_MS = 120_000;

/** The request and its three addresses. */
export function replyToQueue(task: TaskFacts, provider: Provider): Reply {
  const request = `/v2/requests/${task.id}`;
  return {
    status: 200,
    body: {
      request_id: task.id,
      status: 'QUEUED',
      poll_url: provider.url(`/v1/requests/${task.id}`),
      status_url: provider.url(`${request}/status`),
      response_url: provider.url(request),
    },
  };
}

const isForgotten = (task: TaskFacts) => Date.now() - task.acceptedAtMs > KEEPS_TASKS_FOR_MS;

/** What both addresses of a request have in common; a request that failed is served with 422. */
function requestBody(task: TaskFacts, view: TaskView, provider: Provider): Reply {
  const isHidden =
    provider.chosen('new-request') === 'missing' &&
    view.state === 'live' &&
    view.status === 'QUEUED';
  if (isForgotten(task) || isHidden) {
    return { status: 404, body: { error: `Request ${task.id} not found` } };
  }
  const seconds = ((task.finishedAtMs ?? task.acceptedAtMs) - task.acceptedAtMs) / 1000;
  // Credits are told of what was charged, and a failure costs nothing.
  const cost = view.state === 'completed' ? { cost: task.submission.creditCost } : {};
  const about = { request_id: task.id, metrics: { inference_time: seconds, ...cost } };
  if (view.state === 'failed') {
    return { status: 422, body: { ...about, status: 'FAILED', error: errorText(view) } };
  }
  return {
    status: 200,
    body: { ...about, status: view.state === 'live' ? view.status : 'COMPLETED' },
  };
}

/** ASSUMPTION: failures are free text; only that there is one is documented. */
function errorText({ kind, message }: Extract<TaskView, { state: 'failed' }>): string {
  if (kind === 'moderation') return `NSFW content detected. ${message}`;
  return kind === 'image-load' ? `Could not load an image. ${message}` : message;
}

/** The status alone. */
export function replyToStatus(task: TaskFacts, view: TaskView, provider: Provider): Reply {
  const { status, headers = {}, body } = requestBody(task, view, provider);
  const own = provider.url(`/v2/requests/${task.id}`);
  const addresses = { status_url: `${own}/status`, response_url: own };
  return { status, headers, body: { ...Object(body), ...addresses } };
}

/** The status, and the output when there is one. */
export async function replyToResult(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<Reply> {
  const { status, headers = {}, body } = requestBody(task, view, provider);
  const output = view.state === 'completed' ? await outputOf(task, view, provider) : null;
  return { status, headers, body: { ...Object(body), output } };
}

/** The shape of the output is the model's affair, so a switch says which it is today. */
async function outputOf(
  task: TaskFacts,
  { resultUrls }: Extract<TaskView, { state: 'completed' }>,
  provider: Provider,
): Promise<unknown> {
  const { wantsBase64 } = Notes.parse(task.submission.notes);
  const [first = null] = resultUrls;
  switch (wantsBase64 ? 'base64' : provider.chosen('output')) {
    case 'array':
      return resultUrls;
    case 'object':
      return { url: first };
    case 'json-text':
      return JSON.stringify(resultUrls);
    case 'base64':
      return (await provider.pictures(task))[0]?.toString('base64') ?? null;
    default:
      return first;
  }
}

/** Version 1 holds the call open and answers with the picture itself. */
export async function replyWithPicture(task: TaskFacts, provider: Provider): Promise<Reply> {
  await provider.untilFinal(task, MAX_WAIT_MS);
  const view = provider.view(task);
  if (view.state === 'live') return { status: 504, body: { error: 'The model took too long.' } };
  // ASSUMPTION: version 1 tells of a failure as version 2 does.
  if (view.state === 'failed') {
    return { status: 422, body: { status: 'FAILED', error: errorText(view) } };
  }
  const [picture] = await provider.pictures(task);
  if (!picture) return { status: 500, body: { error: 'The picture is gone.' } };
  const { wantsBase64 } = Notes.parse(task.submission.notes);
  const contentType = `image/${task.submission.outputFormat ?? 'png'}`;
  const cost = { 'x-cost': String(task.submission.creditCost) };
  return wantsBase64
    ? { status: 200, headers: cost, body: { image: picture.toString('base64') } }
    : { status: 200, headers: { ...cost, 'Content-Type': contentType }, body: picture };
}

const REFUSAL_STATUSES: Record<RefusalReason, number> = { ...USUAL_STATUSES, 'out-of-credit': 406 };

/** How the engine says that there is no such request: without its id, for which zeros stand. */
const NO_REQUEST = 'Request 00000000-0000-0000-0000-000000000000 not found';

/** A refusal as Segmind words it. ASSUMPTION: the words, except of what there is not and of credit. */
export function refuse({ reason, message }: Refusal): Reply {
  const status = REFUSAL_STATUSES[reason];
  if (reason === 'out-of-credit') return { status, body: { error: 'Insufficient credits' } };
  const isRequest = reason === 'not-found' && !message.startsWith(NO_MODEL);
  return { status, body: { error: isRequest ? NO_REQUEST : message } };
}
