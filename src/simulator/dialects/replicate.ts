import { createHmac, randomUUID } from 'node:crypto';
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
} from '../dialect.ts';
import { type Model, modelNamed, models } from './replicate-input.ts';

// Facts: Replicate, "HTTP API", "Create a prediction", "Prediction lifecycle", "Receive a webhook",
// "Verify a webhook", and Standard Webhooks, read 2026-11-20. What no document says is an ASSUMPTION.

/** "Receive a webhook": exponentially, the last try about a minute after the end. */
const retryDelaysMs = [2_000, 4_000, 8_000, 16_000, 30_000];

/** "HTTP API": an hour after its creation a prediction keeps its status, and nothing else. */
const keepsDataForMs = 60 * 60 * 1000;
/** ASSUMPTION: how long the status itself can be asked for. */
const keepsTasksForMs = 30 * 24 * 60 * 60 * 1000;

const longestWaitSeconds = 60;

const events = ['start', 'output', 'logs', 'completed'] as const;

const options = z.object({
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  webhook_events_filter: z.array(z.enum(events)).optional(),
});
const createSchema = options.extend({ version: z.string() });

const notesSchema = z.object({
  model: z.string(),
  version: z.string(),
  input: z.unknown(),
  events: z.array(z.enum(events)),
  address: z.string(),
  waitSeconds: z.number(),
});

function readSubmission(request: Request, given?: Model): Submission | Refusal {
  const body = (given ? options : createSchema).safeParse(request.body ?? {});
  if (!body.success) return { reason: 'invalid', message: z.prettifyError(body.error) };
  const named = createSchema.safeParse(request.body).data?.version ?? '';
  const model = given ?? modelNamed(named);
  // ASSUMPTION: a version that does not exist is a fault of the input.
  if (!model) return { reason: 'invalid', message: 'The specified version does not exist.' };
  const input: unknown = request.body?.input;
  const work = model.read(input);
  if ('reason' in work) return work;
  return {
    ...work,
    resultCount: 1,
    // ASSUMPTION: Replicate bills by time or by picture, in money; here one unit each.
    creditCost: 1,
    ...(body.data.webhook !== undefined && { webhookUrl: body.data.webhook }),
    notes: {
      model: model.name,
      version: model.version,
      input,
      events: body.data.webhook_events_filter ?? [...events],
      address: `${request.protocol}://${request.get('host')}${request.baseUrl}/v1/predictions`,
      waitSeconds: waitSeconds(request.get('prefer')),
    },
  };
}

/** `Prefer: wait` or `wait=n`; 0 when the caller does not want to wait. */
function waitSeconds(prefer: string | undefined): number {
  const [, seconds] = /^wait(?:=(\d+))?$/.exec(prefer?.trim() ?? '') ?? [undefined, '0'];
  return Math.min(Number(seconds ?? longestWaitSeconds), longestWaitSeconds);
}

function prediction(task: TaskFacts, view: TaskView, provider: Provider): Record<string, unknown> {
  const { model, version, input, address } = notesSchema.parse(task.submission.notes);
  const finishedAtMs = view.state === 'live' ? undefined : (task.finishedAtMs ?? Date.now());
  const isRemoved = finishedAtMs !== undefined && Date.now() - task.acceptedAtMs > keepsDataForMs;
  const isStarted = view.state !== 'live' || view.status !== 'starting';
  const seconds = ((finishedAtMs ?? task.acceptedAtMs) - task.acceptedAtMs) / 1000;
  const own = `${address}/${task.id}`;
  return {
    id: task.id,
    model,
    version,
    input: isRemoved ? {} : input,
    logs: '',
    output: isRemoved ? null : outputOf(view, provider),
    data_removed: isRemoved,
    error: view.state === 'failed' ? errorText(view) : null,
    status: statusOf(view),
    created_at: iso(task.acceptedAtMs),
    started_at: isStarted ? iso(task.acceptedAtMs) : null,
    completed_at: finishedAtMs === undefined ? null : iso(finishedAtMs),
    metrics: finishedAtMs === undefined ? {} : { predict_time: seconds, total_time: seconds },
    urls: { get: own, cancel: `${own}/cancel` },
  };
}

function statusOf(view: TaskView): string {
  if (view.state === 'live') return view.status;
  return { completed: 'succeeded', failed: 'failed', canceled: 'canceled' }[view.state];
}

/** The shape of the output is the model's affair, so a switch says which it is today. */
function outputOf(view: TaskView, provider: Provider): unknown {
  if (view.state !== 'completed') return null;
  const [first = null] = view.resultUrls;
  switch (provider.chosen('output')) {
    case 'list':
      return view.resultUrls;
    case 'object':
      return { image: first };
    default:
      return first;
  }
}

/** ASSUMPTION: failures are free text; only that they are is documented. */
function errorText({ kind, message }: Extract<TaskView, { state: 'failed' }>): string {
  return kind === 'moderation' ? `NSFW content detected. ${message}` : message;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** The message for one moment, unless the caller did not ask for that kind of event. */
function webhookBody(task: TaskFacts, view: TaskView, provider: Provider): unknown {
  const live = statusOf(view) === 'starting' ? 'start' : 'output';
  const event = view.state === 'live' ? live : 'completed';
  const wanted = notesSchema.parse(task.submission.notes).events;
  return wanted.includes(event) ? prediction(task, view, provider) : undefined;
}

/** Standard Webhooks: base64 HMAC-SHA256 under the key that the base64 after `whsec_` stands for. */
function sign(message: { body: Buffer; secret: string; messageId: string }) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(message.secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key)
    .update(`${message.messageId}.${timestamp}.`)
    .update(message.body)
    .digest('base64');
  return {
    'webhook-id': message.messageId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}

const refusals: Record<RefusalReason, { status: number; title: string }> = {
  unauthorized: { status: 401, title: 'Unauthenticated' },
  invalid: { status: 422, title: 'Input validation failed' },
  'too-large': { status: 413, title: 'Payload too large' },
  'not-found': { status: 404, title: 'Not found' },
  // No idempotency keys here, so a key cannot be reused; named to keep the table whole.
  'key-reused': { status: 422, title: 'Input validation failed' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  // No such limit is documented.
  'concurrency-limited': { status: 429, title: 'Too many requests' },
  'out-of-credit': { status: 402, title: 'Payment required' },
  'server-error': { status: 500, title: 'Internal server error' },
  'html-page': { status: 502, title: 'Bad gateway' },
};

function refuse({ reason, message, retryAfterSeconds = 1 }: Refusal): Reply {
  const { status, title } = refusals[reason];
  if (status !== 429) return { status, body: { title, detail: message, status } };
  const wait = `Expected available in ${retryAfterSeconds} second${retryAfterSeconds === 1 ? '' : 's'}.`;
  return { status, body: { detail: `Request was throttled. ${wait}` } };
}

async function replyToCreate(task: TaskFacts, provider: Provider): Promise<Reply> {
  const wait = notesSchema.parse(task.submission.notes).waitSeconds;
  if (wait > 0) await provider.untilFinal(task, wait * 1000);
  const view = provider.view(task);
  const overran = wait > 0 && view.state === 'live';
  return { status: overran ? 202 : 201, body: prediction(task, view, provider) };
}

/** Replicate: predictions of anybody's models, signed webhooks by event, and cancelling. */
export const replicate: Dialect = {
  name: 'replicate',
  liveStatuses: ['starting', 'processing'],
  finalStatuses: { completed: 'succeeded', failed: 'failed', canceled: 'canceled' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: 'whsec_c2ltdWxhdG9yLXJlcGxpY2F0ZS1zZWNyZXQtMzJi',
  switches: { output: ['text', 'list', 'object'] },
  keepsTasksForMs,
  webhook: {
    when: 'every-change',
    retryDelaysMs,
    // No answer, 4xx and 5xx are repeated; redirects are not followed, and not repeated either.
    accepts: (status) => status < 400,
    body: webhookBody,
    sign,
  },
  newTaskId: () => randomUUID().replaceAll('-', '').slice(0, 26),
  // Tokens look like `r8_…`, but that is inferred, so any will do.
  readKey: (request) => /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mount(router, provider) {
    const reply = (task: TaskFacts) => replyToCreate(task, provider);
    router.post(
      '/v1/predictions',
      provider.submit((request) => readSubmission(request), reply),
    );
    // "HTTP API": community models have no path of their own.
    for (const model of models.filter(({ isOfficial }) => isOfficial)) {
      router.post(
        `/v1/models/${model.name}/predictions`,
        provider.submit((request) => readSubmission(request, model), reply),
      );
    }
    router.get(
      '/v1/predictions/:id',
      provider.poll((task, view) => ({ status: 200, body: prediction(task, view, provider) })),
    );
    router.post(
      '/v1/predictions/:id/cancel',
      provider.cancel((task, { isCanceled }) =>
        isCanceled
          ? { status: 200, body: prediction(task, provider.view(task), provider) }
          : // ASSUMPTION: the status; only that it cannot be done is documented.
            refuse({ reason: 'invalid', message: 'The prediction has already finished.' }),
      ),
    );
  },
};
