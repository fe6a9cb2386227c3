import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type {
  Dialect,
  ImageProblem,
  Provider,
  Refusal,
  RefusalReason,
  Reply,
  Submission,
  TaskFacts,
  TaskView,
  Verdict,
} from '../../contract/dialect.ts';
import { savedPattern } from './inputs.ts';
import { fashnModels, unsupportedFashnModels } from './models.ts';

// Facts: FASHN, "Webhooks" (wins on conflict), "API Fundamentals", "Error Handling" and the model
// pages, read 2026-11-20. What no document says is marked ASSUMPTION.

/** ASSUMPTION: documented is only "up to 5 retries within about 5 minutes". */
const retryDelaysMs = [10_000, 20_000, 40_000, 80_000, 150_000];

/** Result links live for 72 hours; ASSUMPTION: the status as long. */
const keepsTasksForMs = 72 * 60 * 60 * 1000;

/** Part of the balance shown as bought on demand, which is spent last. */
const onDemandCredits = 1_000;

const bodySchema = z.object({ model_name: z.string(), inputs: z.unknown() });

const notesSchema = z.object({ returnsBase64: z.boolean(), fault: z.string().optional() });

/** Why the model cannot be run here. */
function noSuchModel(name: string): Refusal {
  const why = unsupportedFashnModels.get(name);
  const known = `It does ${[...fashnModels.keys()].join(', ')}.`;
  return {
    reason: 'invalid',
    message: why
      ? `${name} is not supported by the simulator: ${why}. ${known}`
      : `There is no model of that name here. ${known}`,
  };
}

function readSubmission(request: Request, provider: Provider): Submission | Refusal {
  const body = bodySchema.safeParse(request.body);
  if (!body.success) return { reason: 'invalid', message: z.prettifyError(body.error) };
  const model = fashnModels.get(body.data.model_name);
  if (!model) return noSuchModel(body.data.model_name);
  const parsed = z.object({ inputs: model }).safeParse(body.data);
  if (!parsed.success) return { reason: 'invalid', message: z.prettifyError(parsed.error) };
  // The webhook travels in the query of the submit, not in its body.
  const webhook = z.url({ protocol: /^https?$/ }).optional();
  const webhookUrl = webhook.safeParse(request.query['webhook_url']);
  if (!webhookUrl.success) return { reason: 'invalid', message: 'webhook_url must be a URL.' };

  const { personImage, returnsBase64, fault, ...wish } = parsed.data.inputs;
  return {
    ...wish,
    personImage: addressOf(personImage, provider),
    notes: { returnsBase64, fault },
    ...(webhookUrl.data !== undefined && { webhookUrl: webhookUrl.data }),
  };
}

/** A saved model is a picture in the assets; one that is not there cannot be loaded. */
function addressOf(image: string, provider: Provider): string {
  const [, name] = savedPattern.exec(image) ?? [];
  return name === undefined ? image : new URL(`/assets/${name}.png`, provider.url('/')).href;
}

/** Names that FASHN's client knows beside those that have a cause here; the switch `failure`. */
const failureNames = [
  'PipelineError',
  'PoseError',
  'LoRALoadError',
  'ThirdPartyError',
  '3rdPartyProviderError',
  'InternalServerError',
] as const;

/** What the pipeline finds out for itself. */
function judge(task: TaskFacts, problems: readonly (ImageProblem | undefined)[]): Verdict {
  const problem = problems.find((found) => found !== undefined);
  if (problem) return { state: 'failed', kind: 'image-load', message: problem.message };
  const { fault } = notesSchema.parse(task.submission.notes);
  if (fault === undefined) return { state: 'completed' };
  return { state: 'failed', kind: 'generation', message: fault, data: 'InputValidationError' };
}

function nameOf(view: Extract<TaskView, { state: 'failed' }>, provider: Provider): string {
  if (typeof view.data === 'string') return view.data;
  if (view.kind === 'image-load') return 'ImageLoadError';
  return view.kind === 'moderation' ? 'ContentModerationError' : provider.chosen('failure');
}

async function statusBody(task: TaskFacts, view: TaskView, provider: Provider): Promise<unknown> {
  switch (view.state) {
    case 'live':
      return { id: task.id, status: view.status, error: null };
    case 'completed': {
      const output = await outputOf(task, view.resultUrls, provider);
      return { id: task.id, status: 'completed', output, error: null };
    }
    case 'failed': {
      const name = nameOf(view, provider);
      if (name === 'canceled') return statusBody(task, { state: 'canceled' }, provider);
      // A failed prediction has no `output` at all.
      return { id: task.id, status: 'failed', error: { name, message: view.message } };
    }
    case 'canceled':
      // A status that the client's types know, although no call cancels a task.
      return { id: task.id, status: 'canceled', error: null };
  }
}

async function outputOf(
  task: TaskFacts,
  resultUrls: string[],
  provider: Provider,
): Promise<string[]> {
  const { outputFormat = 'png', notes } = task.submission;
  if (!notesSchema.parse(notes).returnsBase64) return resultUrls;
  const pictures = await provider.pictures(task);
  return pictures.map(
    (picture) => `data:image/${outputFormat};base64,${picture.toString('base64')}`,
  );
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
  switches: {
    // What the scenario `failed` is called. `canceled` is a status, and comes without an error.
    failure: [...failureNames, 'canceled'],
  },
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
  judge,
  mount(router, provider) {
    router.post(
      '/v1/run',
      provider.submit(
        (request) => readSubmission(request, provider),
        (task) => ({ status: 200, body: { id: task.id, error: null } }),
      ),
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
