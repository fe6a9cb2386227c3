import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type {
  Dialect,
  Provider,
  Refusal,
  RefusalReason,
  Reply,
  Submission,
  TaskFacts,
  TaskView,
} from '../../contract/dialect.ts';
import { segmindModels, type Wish } from './models.ts';

// Facts: Segmind, "Async inference", "Rate limits", "Account and billing APIs" and the official SDK,
// read 2026-11-20. What no document says is marked ASSUMPTION.

/** "Async inference": status and result live an hour, counted from the submission. */
const keepsTasksForMs = 60 * 60 * 1000;

/** ASSUMPTION: how long a version 1 call is held open. */
const maxWaitMs = 120_000;

const notesSchema = z.object({ wantsBase64: z.boolean() });

function readSubmission(request: Request, model: z.ZodType<Wish>): Submission | Refusal {
  const parsed = model.safeParse(request.body);
  if (!parsed.success) return { reason: 'invalid', message: z.prettifyError(parsed.error) };
  const { wantsBase64, ...wish } = parsed.data;
  return {
    ...wish,
    resultCount: 1,
    // ASSUMPTION: billed by GPU second, in money; here one unit each.
    creditCost: 1,
    notes: { wantsBase64 },
  };
}

function refuseModel(request: Request): Refusal {
  const known = `It does ${Object.keys(segmindModels).join(', ')}.`;
  const name = String(request.params['model']);
  return { reason: 'not-found', message: `${name} is not supported by the simulator. ${known}` };
}

function replyToQueue(task: TaskFacts, provider: Provider): Reply {
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

const isForgotten = (task: TaskFacts) => Date.now() - task.acceptedAtMs > keepsTasksForMs;

/** What both addresses of a request have in common; a request that failed is served with 422. */
function requestBody(task: TaskFacts, view: TaskView, provider: Provider): Reply {
  const isHidden =
    provider.chosen('new-request') === 'missing' &&
    view.state === 'live' &&
    view.status === 'QUEUED';
  if (isForgotten(task) || isHidden) {
    return refuse({ reason: 'not-found', message: 'Request not found.' });
  }
  const seconds = ((task.finishedAtMs ?? task.acceptedAtMs) - task.acceptedAtMs) / 1000;
  const about = { request_id: task.id, metrics: { inference_time: seconds } };
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

function replyToStatus(task: TaskFacts, view: TaskView, provider: Provider): Reply {
  const { status, headers = {}, body } = requestBody(task, view, provider);
  const own = provider.url(`/v2/requests/${task.id}`);
  const addresses = { status_url: `${own}/status`, response_url: own };
  return { status, headers, body: { ...Object(body), ...addresses } };
}

async function replyToResult(task: TaskFacts, view: TaskView, provider: Provider): Promise<Reply> {
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
  const { wantsBase64 } = notesSchema.parse(task.submission.notes);
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
async function replyWithPicture(task: TaskFacts, provider: Provider): Promise<Reply> {
  await provider.untilFinal(task, maxWaitMs);
  const view = provider.view(task);
  if (view.state === 'live') return { status: 504, body: { error: 'The model took too long.' } };
  // ASSUMPTION: version 1 tells of a failure as version 2 does.
  if (view.state === 'failed') {
    return { status: 422, body: { status: 'FAILED', error: errorText(view) } };
  }
  const [picture] = await provider.pictures(task);
  if (!picture) return { status: 500, body: { error: 'The picture is gone.' } };
  const { wantsBase64 } = notesSchema.parse(task.submission.notes);
  const contentType = `image/${task.submission.outputFormat ?? 'png'}`;
  return wantsBase64
    ? { status: 200, body: { image: picture.toString('base64') } }
    : { status: 200, headers: { 'Content-Type': contentType }, body: picture };
}

const refusals: Record<RefusalReason, number> = {
  unauthorized: 401,
  invalid: 400,
  'too-large': 413,
  'not-found': 404,
  // No idempotency keys here, so a key cannot be reused; named to keep the table whole.
  'key-reused': 400,
  'rate-limited': 429,
  'concurrency-limited': 429,
  'out-of-credit': 402, // ASSUMPTION; 406 was reported in the past.
  'server-error': 500,
  'html-page': 502,
};

function refuse({ reason, message }: Refusal): Reply {
  return { status: refusals[reason], body: { error: message } };
}

/** Segmind: a queue that is polled, calls that wait for the picture, and no webhooks. */
export const segmind: Dialect = {
  name: 'segmind',
  liveStatuses: ['QUEUED', 'PROCESSING'],
  finalStatuses: { completed: 'COMPLETED', failed: 'FAILED' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: {
    output: ['text', 'array', 'object', 'json-text', 'base64'],
    // A client has seen 404 right after a submission.
    'new-request': ['found', 'missing'],
  },
  keepsTasksForMs,
  newTaskId: () => randomUUID().replaceAll('-', ''),
  // Keys look like `SG_…`, but that is inferred, so any will do.
  readKey: (request) => /^\S+$/.exec(request.get('x-api-key') ?? '')?.[0],
  refuse,
  // Seen by clients of version 1. ASSUMPTION: on every answer.
  rateHeaders: ({ remaining, resetAtSeconds }) => ({
    'x-rate-limit-remaining': String(remaining),
    'x-rate-limit-reset-at-utc': new Date(resetAtSeconds * 1000).toISOString(),
  }),
  mount(router, provider) {
    for (const [slug, model] of Object.entries(segmindModels)) {
      const read = (request: Request) => readSubmission(request, model);
      router.post(
        `/v2/${slug}`,
        provider.submit(read, (task) => replyToQueue(task, provider)),
      );
      router.post(
        `/v1/${slug}`,
        provider.submit(read, (task) => replyWithPicture(task, provider)),
      );
    }
    for (const path of ['/v1/:model', '/v2/:model']) {
      router.post(
        path,
        // Refused, whatever is in it; so there is nothing to answer.
        provider.submit(refuseModel, () => ({ status: 200, body: null })),
      );
    }
    router.get(
      '/v2/requests/:id/status',
      provider.poll((task, view) => replyToStatus(task, view, provider)),
    );
    // "Async inference": what the poll_url of a submission leads to, and what version 1 tells of a
    // request. ASSUMPTION: the same; documented is that the output is in it.
    for (const path of ['/v2/requests/:id', '/v1/requests/:id']) {
      router.get(
        path,
        provider.poll((task, view) => replyToResult(task, view, provider)),
      );
    }
    router.get(
      '/v1/get-user-credits',
      provider.account(({ creditsLeft }) => ({
        status: 200,
        body: { credits: creditsLeft, 'free-credits': 0 },
      })),
    );
  },
};
