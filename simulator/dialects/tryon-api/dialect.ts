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
import { readForm } from '../multipart.ts';

// Facts: tryon-api.com, the documentation of the multipart job API (wins on conflict) and what
// public client programs agree on, read 2026-11-20. What nobody says is marked ASSUMPTION.

/** ASSUMPTION: a job can be asked about for a day; only signed links are said to live an hour. */
const keepsTasksForMs = 24 * 60 * 60 * 1000;

/** ASSUMPTION: three repeats. Webhooks are said to exist, and nothing else about them is. */
const retryDelaysMs = [10_000, 60_000, 300_000];

/** ASSUMPTION: the size of a result. */
const outputSize = { widthPx: 1024, heightPx: 1024, fit: 'inside' } as const;

function invalid(message: string): Refusal {
  return { reason: 'invalid', message };
}

async function readSubmission(request: Request, provider: Provider): Promise<Submission | Refusal> {
  const form = await readForm(request);
  if (!form) return invalid('The body must be multipart/form-data.');
  // The names are plural, and yet exactly one file is taken under each. URLs are refused.
  const person = form.onlyFile('person_images');
  if (!person) return invalid('person_images must be exactly one file.');
  const garment = form.onlyFile('garment_images');
  if (!garment) return invalid('garment_images must be exactly one file.');
  // ASSUMPTION, opted into by a switch: a webhook is registered per request, in a form field.
  const takesCallback = provider.chosen('callback') === 'callback_url';
  const callbackUrl = takesCallback ? form.text('callback_url') : undefined;
  if (
    callbackUrl !== undefined &&
    !z.url({ protocol: /^https?$/ }).safeParse(callbackUrl).success
  ) {
    return invalid('callback_url must be a URL.');
  }
  return {
    personImage: person,
    garmentImages: [garment],
    outputSize,
    resultCount: 1,
    creditCost: 1,
    ...(callbackUrl !== undefined && { webhookUrl: callbackUrl }),
    notes: {},
  };
}

/** ASSUMPTION: the codes. */
const errorCodes = {
  'image-load': 'INVALID_IMAGE',
  moderation: 'CONTENT_MODERATION',
  generation: 'GENERATION_FAILED',
};

async function jobBody(task: TaskFacts, view: TaskView, provider: Provider): Promise<unknown> {
  switch (view.state) {
    case 'live':
      return { jobId: task.id, status: view.status, message: 'The job is being processed.' };
    case 'completed': {
      // Which of the two comes is the provider's choice, at any time.
      const [picture] = provider.chosen('result') === 'base64' ? await provider.pictures(task) : [];
      return {
        jobId: task.id,
        status: 'completed',
        ...(picture
          ? { imageBase64: picture.toString('base64') }
          : { imageUrl: view.resultUrls[0] }),
        result: { objectKey: `results/${task.id}.png` },
      };
    }
    case 'failed': {
      const errorCode = errorCodes[view.kind];
      const isInputsFault = view.kind === 'image-load';
      return {
        jobId: task.id,
        // Known from a client only: bad input ends in a word of its own.
        status: isInputsFault ? provider.chosen('bad-input-status') : 'failed',
        error: view.message,
        errorCode,
        result: { code: errorCode, message: view.message },
      };
    }
    case 'canceled':
      // Nothing here cancels a job; named to keep the switch whole.
      return { jobId: task.id, status: 'failed', error: 'Canceled.' };
  }
}

const refusalStatuses: Record<RefusalReason, number> = {
  unauthorized: 401,
  invalid: 400,
  'too-large': 413, // ASSUMPTION
  'not-found': 404, // ASSUMPTION
  'key-reused': 400,
  'rate-limited': 429,
  'concurrency-limited': 429,
  'out-of-credit': 402,
  'server-error': 500,
  'html-page': 502,
};

/** ASSUMPTION: errors carry `error`, as the status of a failed job does. */
function refuse({ reason, message }: Refusal): Reply {
  return { status: refusalStatuses[reason], body: { error: message } };
}

/** tryon-api.com, multipart job API: files only, a relative status address, poll only. */
export const tryonApi: Dialect = {
  name: 'tryon-api',
  liveStatuses: ['processing'],
  finalStatuses: { completed: 'completed', failed: 'failed' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: {
    result: ['url', 'base64'],
    'bad-input-status': ['failed', 'invalid_input'],
    callback: ['none', 'callback_url'],
  },
  keepsTasksForMs,
  webhook: {
    when: 'final',
    retryDelaysMs,
    accepts: (status) => status >= 200 && status < 300,
    body: (task, view, provider) =>
      provider.chosen('callback') === 'none' ? undefined : jobBody(task, view, provider),
    sign: () => ({}),
  },
  newTaskId: () => randomUUID(),
  readKey: (request) => /^Bearer (ta_\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mount(router, provider) {
    router.post(
      '/api/v1/tryon',
      provider.submit(
        (request) => readSubmission(request, provider),
        (task) => {
          // A path without an origin: whoever asked resolves it.
          const { pathname } = new URL(provider.url(`/api/v1/tryon/status/${task.id}`));
          return { status: 202, body: { jobId: task.id, statusUrl: pathname } };
        },
      ),
    );
    router.get(
      '/api/v1/tryon/status/:id',
      provider.poll(async (task, view) => ({
        status: 200,
        body: await jobBody(task, view, provider),
      })),
    );
  },
};
