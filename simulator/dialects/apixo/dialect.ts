import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import type {
  Dialect,
  FailureKind,
  OutputSize,
  Provider,
  Refusal,
  RefusalReason,
  Reply,
  Submission,
  TaskFacts,
  TaskView,
} from '../../contract/dialect.ts';

// Facts: APIXO, "Polling vs Webhooks" (wins on conflict), "Generate Task", "Status Task", "Webhooks",
// "Response Format" and "Errors", read 2026-11-20. What no document says is marked ASSUMPTION.

/** "Polling vs Webhooks": three repeats, then never again. */
const retryDelaysMs = [30_000, 120_000, 600_000];

/** Result links live for 24 hours; ASSUMPTION: the status as long. */
const keepsTasksForMs = 24 * 60 * 60 * 1000;

const httpUrl = z.url({ protocol: /^https?$/ });

// ASSUMPTION: the models' own schemas were not read; these names are the shared ones of
// "Generate Task". Options of which nothing is known are let through.
const words = { prompt: z.string().min(1), aspect_ratio: z.string().optional() };
const fromImages = z.looseObject({
  mode: z.literal('image-to-image'),
  image_urls: z.array(httpUrl).min(1),
  ...words,
});
const imageFromText = z.looseObject({ mode: z.literal('text-to-image'), ...words });
const videoFromText = z.looseObject({ mode: z.literal('text-to-video'), ...words });
const imageInput = z.discriminatedUnion('mode', [fromImages, imageFromText]);

const square: OutputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' };

/** Slug → what it takes and, ASSUMPTION, what it costs. A few of the models that are documented. */
const models = {
  'nano-banana': { input: imageInput, credits: 4 },
  'nano-banana-pro': { input: imageInput, credits: 12 },
  'gpt-image-1': { input: imageInput, credits: 8 },
  'sora-2': { input: videoFromText, credits: 80 },
  'veo-3-1': { input: videoFromText, credits: 100 },
} as const;
type Slug = keyof typeof models;

const bodySchema = z.discriminatedUnion('request_type', [
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  z.object({ request_type: z.literal('callback'), callback_url: httpUrl, input: z.unknown() }),
  z.object({ request_type: z.literal('async'), input: z.unknown() }),
]);
const routing = z.object({ provider: z.enum(['auto', 'value', 'official']).optional() });

function readSubmission(slug: Slug, request: Request): Submission | Refusal {
  const { input: inputSchema, credits } = models[slug];
  // The default of a request that does not say how it wants to be told.
  const withDefault = { request_type: 'async', ...(request.body ?? {}) };
  const body = bodySchema.and(routing).safeParse(withDefault);
  if (!body.success) return { reason: 'invalid', message: z.prettifyError(body.error) };
  const input = inputSchema.safeParse(body.data.input);
  if (!input.success) return { reason: 'invalid', message: z.prettifyError(input.error) };

  const common = {
    outputSize: square,
    resultCount: 1,
    creditCost: credits,
    notes: { slug },
    ...(body.data.request_type === 'callback' && { webhookUrl: body.data.callback_url }),
  };
  if (input.data.mode !== 'image-to-image') {
    // Nothing is drawn from words here: a stock picture stands for it, for a video too.
    return { ...common, garmentImages: [], stockResult: true };
  }
  // No model here is made for trying on. The first picture counts as the person.
  const [personImage = '', ...garmentImages] = input.data.image_urls;
  return { ...common, personImage, garmentImages };
}

/** The two vocabularies. ASSUMPTION: the newer words for failures that are not about content. */
const failCodes: Record<string, Record<FailureKind, string>> = {
  capitals: {
    'image-load': 'IMAGE_DOWNLOAD_FAILED',
    moderation: 'CONTENT_VIOLATION',
    generation: 'GENERATION_FAILED',
  },
  'camel-case': {
    'image-load': 'ImageDownloadFailed',
    moderation: 'InputOutputSensitiveContentDetected',
    generation: 'GenerationFailed',
  },
};

function envelope(data: unknown): { code: number; message: string; data: unknown } {
  return { code: 200, message: 'success', data };
}

/** A failed task, too, is a success of the call that asks about it. */
function statusBody(task: TaskFacts, view: TaskView, provider: Provider): unknown {
  const completeTime = task.finishedAtMs ?? Date.now();
  const facts = { taskId: task.id, createTime: task.acceptedAtMs };
  switch (view.state) {
    case 'live':
      return envelope({ ...facts, state: view.status });
    case 'completed': {
      const resultJson = JSON.stringify({ resultUrls: view.resultUrls });
      const costTime = completeTime - task.acceptedAtMs;
      return envelope({ ...facts, state: 'success', resultJson, costTime, completeTime });
    }
    case 'failed': {
      const failCode = failCodes[provider.chosen('fail-codes')]?.[view.kind];
      return envelope({ ...facts, state: 'failed', failCode, failMsg: view.message, completeTime });
    }
    case 'canceled':
      // Nothing here cancels a task; named to keep the switch whole.
      return envelope({ ...facts, state: 'failed', completeTime });
  }
}

const refusalStatuses: Record<RefusalReason, number> = {
  unauthorized: 401,
  invalid: 400,
  'too-large': 400,
  'not-found': 404,
  'key-reused': 400,
  'rate-limited': 429,
  'concurrency-limited': 429,
  // Also documented: 400 with "Insufficient credits", and a task that fails for it.
  'out-of-credit': 402,
  'server-error': 500,
  'html-page': 502,
};

function refuse(refusal: Refusal): Reply {
  const status = refusalStatuses[refusal.reason];
  return { status, body: { code: status, message: refusal.message, data: null } };
}

/** The task is named in the query, where the engine looks in the path. */
const nameTask: RequestHandler = (request, _response, next) => {
  request.params['id'] = String(request.query['taskId'] ?? '');
  next();
};

/** APIXO: one path per model, results as JSON in JSON, unsigned webhooks that want exactly 200. */
export const apixo: Dialect = {
  name: 'apixo',
  liveStatuses: ['pending', 'processing'],
  finalStatuses: { completed: 'success', failed: 'failed' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: { 'fail-codes': ['capitals', 'camel-case'] },
  keepsTasksForMs,
  webhook: {
    when: 'final',
    retryDelaysMs,
    accepts: (status) => status === 200,
    body: statusBody,
    sign: () => ({}),
  },
  newTaskId: () => `task_${randomUUID().replaceAll('-', '')}`,
  // No prefix is documented, so any key will do.
  readKey: (request) => /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mount(router, provider) {
    for (const slug of Object.keys(models) as Slug[]) {
      // the keys of a constant table
      router.post(
        `/api/v1/generateTask/${slug}`,
        provider.submit(
          (request) => readSubmission(slug, request),
          (task) => ({ status: 200, body: envelope({ taskId: task.id }) }),
        ),
      );
      router.get(
        `/api/v1/statusTask/${slug}`,
        nameTask,
        provider.poll((task, view) =>
          task.submission.notes['slug'] === slug
            ? { status: 200, body: statusBody(task, view, provider) }
            : refuse({ reason: 'not-found', message: 'This model has no such task.' }),
        ),
      );
    }
    router.get(
      '/api/v1/apikeys/current-balance',
      // ASSUMPTION: the field's name.
      provider.account(({ creditsLeft }) => ({
        status: 200,
        body: envelope({ balance: creditsLeft }),
      })),
    );
  },
};
