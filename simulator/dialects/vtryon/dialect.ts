import { createHmac } from 'node:crypto';
import type { Request, Router } from 'express';
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
  Upload,
} from '../../contract/dialect.ts';
import { readForm } from '../multipart.ts';

// Facts: Vtryon, "Webhooks Integration Guide" (wins on conflict), the try-on guide (uploads) and
// the recolor guide (tasks, by analogy), read 2026-11-20. What no document says is marked
// ASSUMPTION.

/** Documented: up to 5 retries over 24 hours, exponential. ASSUMPTION: the spacing. */
const retryDelaysMs = [1, 10, 60, 300, 1_080].map((minutes) => minutes * 60_000);

/** ASSUMPTION: results and tasks are kept for 30 days. */
const keepsTasksForMs = 30 * 24 * 60 * 60 * 1000;

const libraries = ['person-images', 'garment-images'] as const;

const sizes = { '2k': 2048, '4k': 4096 };

/** ASSUMPTION: path and fields of the try-on task. Documented: numeric ids, and 2k as default. */
const taskPath = '/v2/tryon/tasks/';
const taskBodySchema = z.object({
  tryon_person_image_id: z.number().int(),
  garment_image_id: z.number().int(),
  image_quality: z.enum(['2k', '4k']).default('2k'),
});

const listQuerySchema = z.object({
  page: z.coerce.number().int().min(1).default(1),
  // ASSUMPTION: the default size of a page.
  page_size: z.coerce.number().int().min(1).max(100).default(10),
  image_name: z.string().optional(),
});

function invalid(message: string): Refusal {
  return { reason: 'invalid', message };
}

async function readImage(request: Request): Promise<{ bytes: Buffer; name: string } | Refusal> {
  const form = await readForm(request);
  if (!form) return invalid('The body must be multipart/form-data.');
  const [image] = form.files('image');
  if (!image || image.bytes.length === 0) return invalid('image: No file was submitted.');
  return { bytes: image.bytes, name: form.text('image_name') ?? image.name };
}

function imageBody({ id, library, name }: Upload): Record<string, unknown> {
  // Nothing is served there: only the id is ever used again.
  const imageUrl = `https://cdn.vtryon.com/tryon/${library}/${id}`;
  return { id: Number(id), image_url: imageUrl, image_name: name };
}

function mountLibrary(router: Router, provider: Provider, library: string): void {
  const path = `/v2/tryon/${library}/`;
  router.post(
    path,
    provider.upload(library, readImage, (upload) => {
      const { id, image_url } = imageBody(upload);
      return { status: 200, body: { id, image_url } };
    }),
  );
  router.get(path, (request, response) => {
    const parsed = listQuerySchema.safeParse(request.query);
    if (!parsed.success) {
      response.status(400).json({ detail: z.prettifyError(parsed.error) });
      return;
    }
    const { page, page_size, image_name } = parsed.data;
    const found = provider
      .uploads(library)
      .filter(({ name }) => image_name === undefined || name.includes(image_name));
    const addressOf = (number: number): string | null =>
      number < 1 || (number - 1) * page_size >= found.length
        ? null
        : provider.url(`${path}?page=${number}&page_size=${page_size}`);
    response.json({
      count: found.length,
      next: addressOf(page + 1),
      previous: addressOf(page - 1),
      results: found.slice((page - 1) * page_size, page * page_size).map(imageBody),
    });
  });
  router.delete(`${path}:id/`, (request, response) => {
    const isDeleted = provider.deleteUpload(library, String(request.params.id));
    const detail = isDeleted ? 'Image deleted successfully.' : 'Not found.';
    response.status(isDeleted ? 200 : 404).json({ detail });
  });
}

function readSubmission(request: Request, provider: Provider): Submission | Refusal {
  const parsed = taskBodySchema.safeParse(request.body);
  if (!parsed.success) return invalid(z.prettifyError(parsed.error));
  const { tryon_person_image_id, garment_image_id, image_quality } = parsed.data;
  const person = provider.findUpload('person-images', String(tryon_person_image_id));
  const garment = provider.findUpload('garment-images', String(garment_image_id));
  // ASSUMPTION: an id nobody uploaded is a bad request.
  if (!person) return invalid('tryon_person_image_id: object does not exist.');
  if (!garment) return invalid('garment_image_id: object does not exist.');
  const px = sizes[image_quality];
  return {
    personImage: person.bytes,
    garmentImages: [garment.bytes],
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    resultCount: 1,
    creditCost: 1, // ASSUMPTION: prices are not published.
    notes: {},
  };
}

function statusWord(view: TaskView, provider: Provider): string {
  if (view.state !== 'live') return view.state;
  // The documents use both words for the same state.
  return view.status === 'queued' ? provider.chosen('waiting-word') : view.status;
}

function taskBody(task: TaskFacts, view: TaskView, provider: Provider): Record<string, unknown> {
  return {
    id: Number(task.id),
    status: statusWord(view, provider),
    result_url: view.state === 'completed' ? view.resultUrls[0] : null,
    // ASSUMPTION: where a failed task says why.
    ...(view.state === 'failed' && { error: { message: view.message } }),
  };
}

/** The id is called differently than in the tasks, and the result lies one level deeper. */
function webhookBody(task: TaskFacts, view: TaskView, provider: Provider): unknown {
  return {
    event: 'generation.status_changed',
    task_id: Number(task.id),
    status: statusWord(view, provider),
    // ASSUMPTION: null where there is nothing to say.
    data: view.state === 'completed' ? { result_url: view.resultUrls[0] } : null,
    error: view.state === 'failed' ? { message: view.message } : null,
  };
}

/** ASSUMPTION, all of it: no error is documented. */
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

/** ASSUMPTION: `detail`, as in the answer to a documented DELETE. */
function refuse({ reason, message }: Refusal): Reply {
  return { status: refusalStatuses[reason], body: { detail: message } };
}

/** Lowercase hex HMAC-SHA256 of the body, keyed with the secret's text, prefix and all. */
export function signVtryon(body: Buffer, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** Vtryon: two free uploads, then a task; one signed webhook for the whole account. */
export const vtryon: Dialect = {
  name: 'vtryon',
  liveStatuses: ['queued', 'processing'],
  finalStatuses: { completed: 'completed', failed: 'failed' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: 'whsec_simulator_vtryon',
  switches: { 'waiting-word': ['queued', 'pending'] },
  keepsTasksForMs,
  webhook: {
    when: 'every-change',
    retryDelaysMs,
    accepts: (status) => status >= 200 && status < 300,
    body: webhookBody,
    sign: ({ body, secret }) => ({ 'x-vtryon-signature': signVtryon(body, secret) }),
  },
  newTaskId: (sequence) => String(sequence),
  readKey: (request) => request.get('x-api-key') || undefined,
  refuse,
  mount(router, provider) {
    for (const library of libraries) mountLibrary(router, provider, library);
    router.post(
      taskPath,
      provider.submit(
        (request) => readSubmission(request, provider),
        (task) => ({
          status: 200,
          body: {
            id: Number(task.id),
            status: provider.chosen('waiting-word'),
            created_at: new Date(task.acceptedAtMs).toISOString(),
          },
        }),
      ),
    );
    router.get(
      `${taskPath}:id/`,
      provider.poll((task, view) => ({ status: 200, body: taskBody(task, view, provider) })),
    );
  },
};
