import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type {
  Dialect,
  OutputSize,
  Provider,
  Refusal,
  RefusalReason,
  Reply,
  Submission,
  TaskFacts,
  TaskView,
} from '../dialect.ts';

// Facts: FASHN, "Webhooks" (wins on conflict), "API Fundamentals", "Error Handling" and the model
// pages, read 2026-11-20. What no document says is marked ASSUMPTION.

/** ASSUMPTION: documented is only "up to 5 retries within about 5 minutes". */
const retryDelaysMs = [10_000, 20_000, 40_000, 80_000, 150_000];

/** Result links live for 72 hours; ASSUMPTION: the status as long. */
const keepsTasksForMs = 72 * 60 * 60 * 1000;

/** Part of the balance shown as bought on demand, which is spent last. */
const onDemandCredits = 1_000;

const imageSchema = z
  .string()
  .refine(
    (value) =>
      /^data:image\/[\w.+-]+;base64,/.test(value) ||
      z.url({ protocol: /^https?$/ }).safeParse(value).success,
    'must be an http(s) URL or a base64 image with its data:image prefix',
  );

const commonInputs = {
  model_image: imageSchema,
  seed: z.number().int().optional(),
  output_format: z.enum(['png', 'jpeg']).optional(),
  return_base64: z.boolean().optional(),
};

const bodySchema = z.discriminatedUnion('model_name', [
  z.object({
    model_name: z.literal('tryon-v1.6'),
    inputs: z.object({
      ...commonInputs,
      garment_image: imageSchema,
      category: z.enum(['auto', 'tops', 'bottoms', 'one-pieces']).optional(),
      mode: z.enum(['performance', 'balanced', 'quality']).optional(),
      garment_photo_type: z.enum(['auto', 'flat-lay', 'model']).optional(),
      moderation_level: z.enum(['conservative', 'permissive', 'none']).optional(),
      segmentation_free: z.boolean().optional(),
      num_samples: z.number().int().min(1).max(4).optional(),
    }),
  }),
  z.object({
    model_name: z.literal('tryon-max'),
    inputs: z.object({
      ...commonInputs,
      // The same thing under another name than in tryon-v1.6.
      product_image: imageSchema,
      prompt: z.string().optional(),
      resolution: z.enum(['1k', '2k', '4k']).optional(),
      generation_mode: z.string().optional(),
    }),
  }),
]);

/** Documented: two to five credits. ASSUMPTION: by resolution. */
const maxModelSizes = {
  '1k': { px: 1024, credits: 2 },
  '2k': { px: 2048, credits: 3 },
  '4k': { px: 4096, credits: 5 },
};

const v16Size: OutputSize = { widthPx: 864, heightPx: 1296, fit: 'cover' };

function readSubmission(request: Request): Submission | Refusal {
  const parsed = bodySchema.safeParse(request.body);
  if (!parsed.success) return { reason: 'invalid', message: z.prettifyError(parsed.error) };
  // The webhook travels in the query of the submit, not in its body.
  const webhook = z.url({ protocol: /^https?$/ }).optional();
  const webhookUrl = webhook.safeParse(request.query['webhook_url']);
  if (!webhookUrl.success) return { reason: 'invalid', message: 'webhook_url must be a URL.' };

  const common = {
    personImage: parsed.data.inputs.model_image,
    notes: { returnsBase64: parsed.data.inputs.return_base64 === true },
    ...(webhookUrl.data !== undefined && { webhookUrl: webhookUrl.data }),
  };
  if (parsed.data.model_name === 'tryon-v1.6') {
    const { garment_image, num_samples = 1 } = parsed.data.inputs;
    return {
      ...common,
      garmentImages: [garment_image],
      outputSize: v16Size,
      resultCount: num_samples,
      creditCost: num_samples,
    };
  }
  const { product_image, resolution = '1k' } = parsed.data.inputs;
  const { px, credits } = maxModelSizes[resolution];
  return {
    ...common,
    garmentImages: [product_image],
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    resultCount: 1,
    creditCost: credits,
  };
}

const failureNames = {
  'image-load': 'ImageLoadError',
  moderation: 'ContentModerationError',
  generation: 'PipelineError',
};

async function statusBody(task: TaskFacts, view: TaskView, provider: Provider): Promise<unknown> {
  switch (view.state) {
    case 'live':
      return { id: task.id, status: view.status, error: null };
    case 'completed': {
      const output = task.submission.notes['returnsBase64']
        ? (await provider.pictures(task)).map(toDataUri)
        : view.resultUrls;
      return { id: task.id, status: 'completed', output, error: null };
    }
    case 'failed': {
      // A failed prediction has no `output` at all.
      const error = { name: failureNames[view.kind], message: view.message };
      return { id: task.id, status: 'failed', error };
    }
    case 'canceled':
      // A documented status, although nothing here cancels a task.
      return { id: task.id, status: 'canceled', error: null };
  }
}

function toDataUri(png: Buffer): string {
  return `data:image/png;base64,${png.toString('base64')}`;
}

async function replyToPoll(task: TaskFacts, view: TaskView, provider: Provider): Promise<Reply> {
  // Failures are not charged.
  const creditsUsed = view.state === 'completed' ? task.submission.creditCost : 0;
  return {
    status: 200,
    headers: view.state === 'live' ? {} : { 'x-fashn-credits-used': String(creditsUsed) },
    body: await statusBody(task, view, provider),
  };
}

const refusals: Record<RefusalReason, { status: number; error: string }> = {
  unauthorized: { status: 401, error: 'UnauthorizedAccess' },
  invalid: { status: 400, error: 'BadRequest' },
  // The troubleshooting guide: a body that is too large surfaces as 500.
  'too-large': { status: 500, error: 'InternalServerError' },
  'not-found': { status: 404, error: 'NotFound' },
  // No idempotency keys here, so a key cannot be reused; named to keep the table whole.
  'key-reused': { status: 400, error: 'BadRequest' },
  'rate-limited': { status: 429, error: 'RateLimitExceeded' },
  'concurrency-limited': { status: 429, error: 'ConcurrencyLimitExceeded' },
  'out-of-credit': { status: 429, error: 'OutOfCredits' },
  'server-error': { status: 500, error: 'InternalServerError' },
  'html-page': { status: 502, error: 'BadGateway' },
};

function refuse(refusal: Refusal): Reply {
  const { status, error } = refusals[refusal.reason];
  return { status, body: { error, message: refusal.message } };
}

/** FASHN: one run endpoint for all models, no idempotency, unsigned webhooks. */
export const fashn: Dialect = {
  name: 'fashn',
  liveStatuses: ['starting', 'in_queue', 'processing'],
  finalStatuses: { completed: 'completed', failed: 'failed' },
  refundsFailures: true,
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: {},
  keepsTasksForMs,
  webhook: {
    when: 'final',
    retryDelaysMs,
    accepts: (status) => status >= 200 && status < 300,
    body: statusBody,
    sign: () => ({}),
  },
  // Opaque: looks like a UUID with the suffix seen in the documents.
  newTaskId: () => `${randomUUID()}-u1`,
  // No prefix is documented, so any key will do.
  readKey: (request) => /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mount(router, provider) {
    router.post(
      '/v1/run',
      provider.submit(readSubmission, (task) => ({
        status: 200,
        body: { id: task.id, error: null },
      })),
    );
    router.get(
      '/v1/status/:id',
      provider.poll((task, view) => replyToPoll(task, view, provider)),
    );
    router.get(
      '/v1/credits',
      provider.account(({ creditsLeft }) => {
        const onDemand = Math.min(creditsLeft, onDemandCredits);
        return {
          status: 200,
          body: {
            credits: {
              total: creditsLeft,
              subscription: creditsLeft - onDemand,
              on_demand: onDemand,
            },
          },
        };
      }),
    );
  },
};
