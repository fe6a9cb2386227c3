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
} from '../dialect.ts';
import { keySetFor, signFal } from './fal-signature.ts';

// Facts: fal, "Queue", "Webhooks", "Errors", "Request errors", "Cancel" and the page of the model,
// read 2026-11-20. What no document says is marked ASSUMPTION.

/** The subpath after the app is for submissions only: everything else drops it. */
const app = 'fal-ai/fashn';
const model = `${app}/tryon/v1.6`;

/** "Webhooks": ten tries within two hours. ASSUMPTION: their spacing. */
const retryDelaysMs = [15, 30, 60, 120, 240, 480, 900, 1_500, 1_800, 2_000].map((s) => s * 1000);

/** ASSUMPTION: how long a request can be asked about; only that media are kept is documented. */
const keepsTasksForMs = 30 * 24 * 60 * 60 * 1000;

const image = z
  .string()
  .refine(
    (value) =>
      /^data:image\/[\w.+-]+;base64,/.test(value) ||
      z.url({ protocol: /^https?$/ }).safeParse(value).success,
    'must be an image URL or a data URI',
  );

const inputSchema = z.object({
  model_image: image,
  garment_image: image,
  category: z.enum(['auto', 'tops', 'bottoms', 'one-pieces']).optional(),
  mode: z.enum(['performance', 'balanced', 'quality']).optional(),
  garment_photo_type: z.enum(['auto', 'flat-lay', 'model']).optional(),
  moderation_level: z.enum(['conservative', 'permissive', 'none']).optional(),
  segmentation_free: z.boolean().optional(),
  seed: z.number().int().optional(),
  num_samples: z.number().int().min(1).max(4).optional(),
  output_format: z.enum(['png', 'jpeg']).optional(),
});

function readSubmission(request: Request): Submission | Refusal {
  const parsed = inputSchema.safeParse(request.body);
  if (!parsed.success) return { reason: 'invalid', message: z.prettifyError(parsed.error) };
  const webhook = z.url({ protocol: /^https?$/ }).optional();
  const webhookUrl = webhook.safeParse(request.query['fal_webhook']);
  if (!webhookUrl.success) return { reason: 'invalid', message: 'fal_webhook must be a URL.' };
  const { model_image, garment_image, num_samples = 1 } = parsed.data;
  return {
    personImage: model_image,
    garmentImages: [garment_image],
    outputSize: { widthPx: 864, heightPx: 1296, fit: 'cover' },
    resultCount: num_samples,
    // The model's page: 0.075 USD per picture; here one unit each.
    creditCost: num_samples,
    ...(webhookUrl.data !== undefined && { webhookUrl: webhookUrl.data }),
    notes: {},
  };
}

function addresses(task: TaskFacts, provider: Provider): Record<string, string> {
  const own = provider.url(`/${app}/requests/${task.id}`);
  return { response_url: own, status_url: `${own}/status`, cancel_url: `${own}/cancel` };
}

/** Pending requests are told with 202; every end is COMPLETED, also a bad one. */
function replyToStatus(task: TaskFacts, view: TaskView, provider: Provider): Reply {
  const about = { request_id: task.id, ...addresses(task, provider) };
  if (view.state !== 'live') return { status: 200, body: { status: 'COMPLETED', ...about } };
  const queue = view.status === 'IN_QUEUE' ? { queue_position: 0 } : { logs: null };
  return { status: 202, body: { status: view.status, ...about, ...queue } };
}

function output(resultUrls: readonly string[]): unknown {
  return { images: resultUrls.map((url) => ({ url, content_type: 'image/png' })) };
}

/** ASSUMPTION: which error types a try-on fails with; only the list of all is documented. */
const failureTypes = {
  'image-load': { status: 422, type: 'file_download_error', isRetryable: false },
  moderation: { status: 422, type: 'content_policy_violation', isRetryable: false },
  generation: { status: 500, type: 'internal_server_error', isRetryable: true },
};

/** What a request that did not end well answers in place of its output. */
function failure(
  view: Exclude<TaskView, { state: 'live' | 'completed' }>,
  provider: Provider,
): Reply {
  if (view.state === 'canceled') {
    return requestError(499, 'client_cancelled', 'The request was cancelled by the client.');
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

function replyToResult(view: TaskView, provider: Provider): Reply {
  if (view.state === 'live') return { status: 202, body: { status: view.status } };
  if (view.state === 'completed') return { status: 200, body: output(view.resultUrls) };
  return failure(view, provider);
}

function webhookBody(task: TaskFacts, view: TaskView, provider: Provider): unknown {
  // ASSUMPTION: who cancels is not told of it.
  if (view.state === 'live' || view.state === 'canceled') return undefined;
  const isMoved = provider.chosen('gateway-id') === 'other';
  const ids = { request_id: task.id, gateway_request_id: isMoved ? randomUUID() : task.id };
  if (view.state === 'failed') {
    const { status, body } = failure(view, provider);
    return { ...ids, status: 'ERROR', error: `Invalid status code: ${status}`, payload: body };
  }
  return provider.chosen('payload') === 'missing'
    ? { ...ids, status: 'OK', payload: null, payload_error: 'Response payload is not JSON.' }
    : { ...ids, status: 'OK', payload: output(view.resultUrls) };
}

/** An error of fal's own, not of the model. */
function requestError(status: number, errorType: string, detail: string): Reply {
  const headers = { 'X-Fal-Error-Type': errorType };
  return { status, headers, body: { detail, error_type: errorType } };
}

const exhausted = 'User is locked. Reason: Exhausted balance.';
const refusalStatuses: Record<RefusalReason, number> = {
  unauthorized: 401,
  invalid: 422,
  'too-large': 413,
  'not-found': 404,
  // No idempotency keys here, so a key cannot be reused; named to keep the table whole.
  'key-reused': 422,
  'rate-limited': 429,
  // "Reliability": the queue takes what is too much at once; only a scenario refuses it.
  'concurrency-limited': 429,
  // fal's issue tracker: a locked user.
  'out-of-credit': 403,
  'server-error': 500,
  'html-page': 502,
};

function refuse({ reason, message }: Refusal): Reply {
  const status = refusalStatuses[reason];
  switch (reason) {
    case 'invalid':
      return { status, body: { detail: [{ loc: ['body'], msg: message, type: 'value_error' }] } };
    case 'out-of-credit':
      return { status, body: { detail: exhausted } };
    case 'server-error':
      return requestError(status, 'internal_error', message);
    case 'not-found':
      // "Cancel" names the status; other calls show the detail.
      return { status, body: { status: 'NOT_FOUND', detail: message } };
    default:
      return { status, body: { detail: message } };
  }
}

/** fal's queue: one model, returned addresses, ends that may be bad, and webhooks signed with Ed25519. */
export const fal: Dialect = {
  name: 'fal',
  liveStatuses: ['IN_QUEUE', 'IN_PROGRESS'],
  finalStatuses: { completed: 'OK', failed: 'ERROR', canceled: 'CANCELED' },
  refundsFailures: true, // "Reliability": failures of the server are not billed.
  startingCredits: 1_000_000,
  defaultSecret: 'simulator-fal',
  switches: {
    payload: ['sent', 'missing'],
    'gateway-id': ['same', 'other'],
    errors: ['typed', 'legacy'],
  },
  keepsTasksForMs,
  webhook: {
    when: 'final',
    retryDelaysMs,
    accepts: (status) => status >= 200 && status < 300, // ASSUMPTION
    body: webhookBody,
    sign: ({ body, secret }) => signFal(body, secret, Date.now()),
  },
  newTaskId: () => randomUUID(),
  // Literally `Key`, not Bearer. Keys have two parts, but that is no rule, so any will do.
  readKey: (request) => /^Key (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mountOpen(router, provider) {
    router.get('/.well-known/jwks.json', (_request, response) => {
      response.json(keySetFor(provider.signingSecret()));
    });
  },
  mount(router, provider) {
    router.post(
      `/${model}`,
      provider.submit(readSubmission, (task) => ({
        status: 200,
        body: {
          status: 'IN_QUEUE',
          request_id: task.id,
          queue_position: 0,
          ...addresses(task, provider),
        },
      })),
    );
    router.get(
      `/${app}/requests/:id/status`,
      provider.poll((task, view) => replyToStatus(task, view, provider)),
    );
    router.get(
      `/${app}/requests/:id`,
      provider.poll((_task, view) => replyToResult(view, provider)),
    );
    router.put(
      `/${app}/requests/:id/cancel`,
      provider.cancel((_task, { isCanceled, before }) => {
        if (!isCanceled) return { status: 400, body: { status: 'ALREADY_COMPLETED' } };
        // ASSUMPTION: OK is for what had not begun.
        const hadBegun = before.state === 'live' && before.status !== 'IN_QUEUE';
        return hadBegun
          ? { status: 202, body: { status: 'CANCELLATION_REQUESTED' } }
          : { status: 200, body: { status: 'OK' } };
      }),
    );
  },
};
