import { createHmac, randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type {
  Dialect,
  Refusal,
  RefusalReason,
  Submission,
  TaskFacts,
  TaskView,
} from '../../simulator/index.ts';

/** The other side of adapter.ts. */

const url = z.url({ protocol: /^https?$/ });
const Body = z.object({
  reference: z.string().min(1),
  person: url,
  garment: url,
  notify: url.optional(),
});

function readSubmission(request: Request): Submission | Refusal {
  const parsed = Body.safeParse(request.body);
  if (!parsed.success) return { reason: 'invalid', message: z.prettifyError(parsed.error) };
  const { reference, person, garment, notify } = parsed.data;
  return {
    personImage: person,
    garmentImages: [garment],
    outputSize: { widthPx: 512, heightPx: 512, fit: 'inside' },
    resultCount: 1,
    creditCost: 1,
    idempotencyKey: reference,
    ...(notify !== undefined && { webhookUrl: notify }),
    notes: {},
  };
}

function orderBody({ id }: TaskFacts, view: TaskView): Record<string, unknown> {
  switch (view.state) {
    case 'live':
      return { id, state: view.status };
    case 'completed':
      return { id, state: 'done', picture: view.resultUrls[0] };
    case 'failed':
      return { id, state: 'error', why: view.kind === 'moderation' ? 'indecent' : view.message };
    case 'canceled':
      return { id, state: 'canceled' };
  }
}

const STATUSES: Record<RefusalReason, number> = {
  unauthorized: 401,
  invalid: 400,
  'too-large': 413,
  'not-found': 404,
  'key-reused': 409,
  'rate-limited': 429,
  'concurrency-limited': 429,
  'out-of-credit': 402,
  'server-error': 500,
  'html-page': 502,
};

export const ATELIER_SECRET = 'atelier-secret-of-the-simulator';

/** Refuses a reference that it knows, and finds the order by it. */
export const atelier: Dialect = {
  name: 'atelier',
  liveStatuses: ['ordered', 'sewing'],
  finalStatuses: { completed: 'done', failed: 'error' },
  refundsFailures: false,
  startingCredits: 1_000_000,
  defaultSecret: ATELIER_SECRET,
  switches: {},
  keepsTasksForMs: 24 * 3_600_000,
  refusesKnownKeys: true,
  webhook: {
    when: 'every-change',
    retryDelaysMs: [5_000, 10_000, 20_000, 40_000],
    accepts: (status) => status >= 200 && status < 300,
    body: orderBody,
    sign: ({ body, secret }) => ({
      'x-atelier-signature': createHmac('sha256', secret).update(body).digest('hex'),
    }),
  },
  newTaskId: () => randomUUID(),
  readKey: (request) => request.get('x-atelier-key'),
  refuse: ({ reason, message }) => ({ status: STATUSES[reason], body: { error: message } }),
  mount(router, provider) {
    const told = (task: TaskFacts) => orderBody(task, provider.view(task));
    router.post(
      '/orders',
      provider.submit(readSubmission, (task) => ({ status: 201, body: told(task) })),
    );
    router.get(
      '/orders',
      provider.search(
        ({ query }) =>
          ({ submission }) =>
            submission.idempotencyKey === query['reference'],
        (tasks) => ({ status: 200, body: { orders: tasks.map(told) } }),
      ),
    );
    router.get(
      '/orders/:id',
      provider.poll((task, view) => ({ status: 200, body: orderBody(task, view) })),
    );
  },
};
