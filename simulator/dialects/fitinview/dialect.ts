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
} from '../../contract/dialect.ts';

// Facts: FitInView, "Webhooks vs Polling" (wins on conflict) and the API reference, both read
// 2026-11-20. What no document says is marked ASSUMPTION.

/** Longest a waiting submit blocks. */
const maxWaitMs = 90_000;

const sizes = {
  '1K': { px: 1024, credits: 8 },
  '2K': { px: 2048, credits: 12 },
  '4K': { px: 4096, credits: 20 },
} as const;

/** ASSUMPTION: the schedule is not documented; five tries in all, exponential. */
const retryDelaysMs = [5_000, 10_000, 20_000, 40_000];

/** ASSUMPTION: the result's signed URL and its task are kept for a day. */
const keepsTasksForMs = 24 * 60 * 60 * 1000;

// Each canonical field has aliases, which count only when the canonical one is empty.
const images = z.array(z.string()).nullish();
const bodySchema = z.object({
  person_url: z.string().nullish(),
  person: z.string().nullish(),
  model_url: z.string().nullish(),
  input_url: z.string().nullish(),
  garment_urls: images,
  garments: images,
  clothing: images,
  items: images,
  output_size: z.string().nullish(),
  resolution: z.string().nullish(),
  size: z.string().nullish(),
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  webhook_url: z.url({ protocol: /^https?$/ }).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  seed: z.number().int().nullish(),
  wait: z.boolean().nullish(),
  mode: z.enum(['sync', 'async']).nullish(),
});

const notesSchema = z.object({
  metadata: z.record(z.string(), z.unknown()).optional(),
  seed: z.number().optional(),
  waits: z.boolean(),
});

const httpUrl = z.url({ protocol: /^https?$/ });
const maxIdempotencyKeyLength = 200;

function invalid(message: string): Refusal {
  return { reason: 'invalid', message };
}

function readSubmission(request: Request): Submission | Refusal {
  if (!request.is('application/json')) return invalid('Content-Type must be application/json.');
  const parsed = bodySchema.safeParse(request.body);
  if (!parsed.success) return invalid(z.prettifyError(parsed.error));
  const body = parsed.data;

  const personUrl = body.person_url || body.person || body.model_url || body.input_url || '';
  if (!httpUrl.safeParse(personUrl).success) return invalid('person_url must be a URL.');
  const garmentUrls =
    [body.garment_urls, body.garments, body.clothing, body.items].find((list) => list?.length) ??
    [];
  if (garmentUrls.length < 1 || garmentUrls.length > 3) {
    return invalid('garment_urls must name 1 to 3 images.');
  }
  if (!garmentUrls.every((url) => httpUrl.safeParse(url).success)) {
    return invalid('garment_urls must be URLs.');
  }
  const sizeName = (body.output_size || body.resolution || body.size || '1K').toUpperCase();
  if (!isSize(sizeName)) return invalid('output_size must be 1K, 2K or 4K.');
  const idempotencyKey = request.get('idempotency-key');
  if (idempotencyKey !== undefined && idempotencyKey.length > maxIdempotencyKeyLength) {
    return invalid('Idempotency-Key is longer than 200 characters.');
  }

  const { px, credits } = sizes[sizeName];
  // Test keys never run the model: a stock image, no credits, and an echo of metadata and seed.
  const isTestKey = readKey(request)?.startsWith('fiv_test_') === true;
  return {
    personImage: personUrl,
    garmentImages: garmentUrls,
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    resultCount: 1,
    creditCost: isTestKey ? 0 : credits,
    stockResult: isTestKey,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(body.webhook_url != null && { webhookUrl: body.webhook_url }),
    notes: {
      // Waiting is the default; the boolean wins over its alias.
      waits: body.wait ?? body.mode !== 'async',
      ...(body.metadata != null && { metadata: body.metadata }),
      ...(isTestKey && body.seed != null && { seed: body.seed }),
    },
  };
}

function isSize(name: string): name is keyof typeof sizes {
  return Object.hasOwn(sizes, name);
}

/** The documents disagree on the id's name, so a switch says which of them is right today. */
function idFields(task: TaskFacts, provider: Provider): Record<string, string> {
  const field = provider.chosen('id-field');
  return {
    ...(field !== 'job_id' && { id: task.id }),
    ...(field !== 'id' && { job_id: task.id }),
  };
}

/** ASSUMPTION: the error's shape and codes are not documented. */
const failureCodes = {
  'image-load': 'image_load_failed',
  moderation: 'content_moderation',
  generation: 'generation_failed',
};

function jobBody(task: TaskFacts, view: TaskView, provider: Provider): Record<string, unknown> {
  const { metadata, seed } = notesSchema.parse(task.submission.notes);
  const echo = { ...(metadata && { metadata }), ...(seed !== undefined && { seed }) };
  const ids = idFields(task, provider);
  switch (view.state) {
    case 'live':
      return { ...ids, status: view.status, ...echo };
    case 'completed':
      return { ...ids, status: 'completed', result_url: view.resultUrls[0], ...echo };
    case 'failed': {
      const error = { code: failureCodes[view.kind], message: view.message };
      return { ...ids, status: 'failed', error, ...echo };
    }
    case 'canceled':
      // Nothing here cancels a task; named to keep the switch whole.
      return { ...ids, status: 'canceled', ...echo };
  }
}

async function replyToSubmit(task: TaskFacts, provider: Provider): Promise<Reply> {
  const { waits } = notesSchema.parse(task.submission.notes);
  if (!waits) {
    return { status: 200, body: { ...idFields(task, provider), status: 'queued' } };
  }
  await provider.untilFinal(task, maxWaitMs);
  const view = provider.view(task);
  if (view.state !== 'live') return { status: 200, body: jobBody(task, view, provider) };
  const message = 'Still running. Poll the job or wait for the webhook.';
  return { status: 200, body: { ...idFields(task, provider), status: 'running', message } };
}

function readKey(request: Request): string | undefined {
  return /^Bearer (fiv_\S+)$/.exec(request.get('authorization') ?? '')?.[1];
}

const refusalStatuses: Record<RefusalReason, number> = {
  unauthorized: 401,
  invalid: 422,
  'too-large': 413,
  'not-found': 404,
  'key-reused': 409,
  'rate-limited': 429,
  'concurrency-limited': 429,
  'out-of-credit': 402, // ASSUMPTION
  'server-error': 500,
  'html-page': 502,
};

/** ASSUMPTION: errors carry `detail`, as the framework the API looks made with does. */
function refuse(refusal: Refusal): Reply {
  const status = refusalStatuses[refusal.reason];
  // Every 429 of this provider says how long to wait.
  const headers = status === 429 && !refusal.retryAfterSeconds ? { 'Retry-After': '1' } : {};
  return { status, headers, body: { detail: refusal.message } };
}

/** Lowercase hex HMAC-SHA256 of the body, keyed with the secret's text, prefix and all. */
export function signFitInView(body: Buffer, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** FitInView: one call, optional waiting, idempotency keys and a signed webhook. */
export const fitinview: Dialect = {
  name: 'fitinview',
  liveStatuses: ['queued', 'running'],
  finalStatuses: { completed: 'completed', failed: 'failed' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: 'whsec_simulator_fitinview',
  switches: {
    'id-field': ['id', 'job_id', 'both'],
    'changed-body': ['replay', 'refuse'],
  },
  keepsTasksForMs,
  webhook: {
    when: 'final',
    retryDelaysMs,
    accepts: (status) => status >= 200 && status < 300,
    body: jobBody,
    sign: ({ body, secret }) => ({ 'X-FitInView-Signature': signFitInView(body, secret) }),
  },
  newTaskId: () => randomUUID(),
  readKey,
  refuse,
  rateHeaders: (usage) => ({
    'X-RateLimit-Limit': String(usage.limitPerMinute),
    'X-RateLimit-Remaining': String(usage.remaining),
    'X-RateLimit-Reset': String(usage.resetAtSeconds),
  }),
  mount(router, provider) {
    const poll = provider.poll((task, view) => ({
      status: 200,
      body: jobBody(task, view, provider),
    }));
    router.post(
      '/api/v1/tryon',
      provider.submit(readSubmission, (task) => replyToSubmit(task, provider)),
    );
    router.get('/api/v1/jobs/:id', poll);
    router.get('/api/v1/tryon/:id', poll);
    router.get(
      '/api/v1/account',
      // ASSUMPTION: the field names.
      provider.account(({ creditsLeft, rate }) => ({
        status: 200,
        body: {
          credits_remaining: creditsLeft,
          rate_limit_per_minute: rate.limitPerMinute,
          rate_limit_remaining: rate.remaining,
        },
      })),
    );
  },
};
