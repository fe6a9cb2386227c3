import { randomBytes, randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
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

// Facts: FitRoom, the developer site's introduction (wins on conflict) and what several public
// client programs agree on, read 2026-11-20. What nobody says is marked ASSUMPTION.

/** ASSUMPTION: a task can be asked about for a day; only the link's life is said to be short. */
const keepsTasksForMs = 24 * 60 * 60 * 1000;

/** ASSUMPTION: signed links live for an hour. */
const linkLifetimeMs = 60 * 60 * 1000;

const clothTypes = ['upper', 'lower', 'full_set', 'combo'];

/** Output goes up to 2048 px. ASSUMPTION: only in HD mode. */
const sizesPx = { normal: 1024, hd: 2048 };

function invalid(message: string): Refusal {
  return { reason: 'invalid', message };
}

async function readSubmission(request: Request): Promise<Submission | Refusal> {
  const form = await readForm(request);
  if (!form) return invalid('The body must be multipart/form-data.');
  const person = form.onlyFile('model_image');
  if (!person) return invalid('model_image must be one file.');
  const cloth = form.onlyFile('cloth_image');
  if (!cloth) return invalid('cloth_image must be one file.');
  const clothType = form.text('cloth_type') ?? '';
  // The pre-checks say `full` where the tasks say `full_set`.
  if (!clothTypes.includes(clothType)) {
    return invalid(`cloth_type must be one of ${clothTypes.join(', ')}.`);
  }
  const lower = form.onlyFile('lower_cloth_image');
  if (clothType === 'combo' && !lower) return invalid('lower_cloth_image must be one file.');
  const px = form.text('hd_mode') === 'true' ? sizesPx.hd : sizesPx.normal;
  return {
    personImage: person,
    // The lower garment first, so that the upper one lies over it.
    garmentImages: clothType === 'combo' && lower ? [lower, cloth] : [cloth],
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    resultCount: 1,
    creditCost: 1, // ASSUMPTION: prices are not published.
    notes: {},
  };
}

/** A fresh link at every poll. ASSUMPTION: its parameters' names. */
function signedUrl(resultUrl: string): string {
  const expires = Math.floor((Date.now() + linkLifetimeMs) / 1000);
  return `${resultUrl}?Expires=${expires}&Signature=${randomBytes(16).toString('hex')}`;
}

function timestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function statusOf(view: TaskView): string {
  if (view.state === 'live') return view.status;
  return { completed: 'COMPLETED', failed: 'FAILED', canceled: 'CANCELLED' }[view.state];
}

function taskBody(task: TaskFacts, view: TaskView, provider: Provider): Record<string, unknown> {
  const status = statusOf(view);
  return {
    task_id: task.id,
    status,
    // Percent. ASSUMPTION: half way while it is being made.
    progress: { CREATED: 0, PROCESSING: 50, COMPLETED: 100 }[status] ?? 0,
    ...(view.state === 'completed' && {
      download_signed_url: signedUrl(view.resultUrls[0] ?? ''),
    }),
    // The clients disagree on the field, so a switch says which of them is right today.
    ...(view.state === 'failed' && { [provider.chosen('error-field')]: view.message }),
    created_at: timestamp(task.acceptedAtMs),
    started_at: status === 'CREATED' ? null : timestamp(task.acceptedAtMs),
    completed_at: timestamp(task.finishedAtMs),
  };
}

/** ASSUMPTION: every readable picture is a good one; no model looks at it. */
function checkInput(
  provider: Provider,
  answer: (problem: string | undefined) => Record<string, unknown>,
): RequestHandler {
  return async (request, response) => {
    const form = await readForm(request);
    const image = form?.onlyFile('input_image');
    if (!image) {
      response.status(400).json({ error: 'input_image must be one file.' });
      return;
    }
    const [problem] = await provider.inspect([image]);
    response.json(answer(problem?.message));
  };
}

/** ASSUMPTION: the code's name. */
function checkProblem(message: string | undefined): Record<string, string> {
  return message === undefined ? {} : { error_code: 'INVALID_IMAGE', message };
}

/** Documented by clients: 400, 402 and 429. ASSUMPTION: the rest. */
const refusalStatuses: Record<RefusalReason, number> = {
  unauthorized: 401,
  invalid: 400,
  'too-large': 413,
  'not-found': 404,
  'key-reused': 400,
  'rate-limited': 429,
  'concurrency-limited': 429,
  'out-of-credit': 402,
  'server-error': 500,
  'html-page': 502,
};

/** ASSUMPTION: the message is in `error`. */
function refuse({ reason, message }: Refusal): Reply {
  return { status: refusalStatuses[reason], body: { error: message } };
}

/** FitRoom: multipart only, poll only, two garments as a combo. */
export const fitroom: Dialect = {
  name: 'fitroom',
  liveStatuses: ['CREATED', 'PROCESSING'],
  finalStatuses: { completed: 'COMPLETED', failed: 'FAILED' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: { 'error-field': ['error', 'error_message'] },
  keepsTasksForMs,
  newTaskId: () => randomUUID(),
  readKey: (request) => request.get('x-api-key') || undefined,
  refuse,
  mount(router, provider) {
    router.post(
      '/api/tryon/v2/tasks',
      provider.submit(readSubmission, (task) => ({
        status: 200,
        body: { task_id: task.id, status: 'CREATED' },
      })),
    );
    router.get(
      '/api/tryon/v2/tasks/:id',
      provider.poll((task, view) => ({ status: 200, body: taskBody(task, view, provider) })),
    );
    router.post(
      '/api/tryon/input_check/v1/model',
      checkInput(provider, (problem) => ({
        is_good: problem === undefined,
        good_clothes_types: problem === undefined ? ['upper', 'lower', 'full'] : [],
        ...checkProblem(problem),
      })),
    );
    router.post(
      '/api/tryon/input_check/v1/clothes',
      checkInput(provider, (problem) => ({
        is_clothes: problem === undefined,
        clothes_type: problem === undefined ? 'upper' : null,
        ...checkProblem(problem),
      })),
    );
  },
};
