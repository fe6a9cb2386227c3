import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Dialect } from '../../contract/dialect.ts';
import type { Refusal, RefusalReason } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';
import { envelope, statusBody } from './answers.ts';
import { MODELS, readSubmission, type Slug } from './submission.ts';

// Facts: APIXO, "Polling vs Webhooks" (wins on conflict), "Generate Task", "Status Task", "Webhooks",
// "Response Format" and "Errors", read 2026-11-20; the models' pages: see submission.ts. What no
// document says is marked ASSUMPTION.

/** "Polling vs Webhooks": three repeats, then never again. */
const RETRY_DELAYS_MS = [30_000, 120_000, 600_000];

/** Result links live for 24 hours; ASSUMPTION: the status as long. */
const KEEPS_TASKS_FOR_MS = 24 * 60 * 60 * 1000;
const REFUSAL_STATUSES: Record<RefusalReason, number> = {
  ...USUAL_STATUSES,
  'too-large': 400,
  // Also documented: 400 with "Insufficient credits", and a task that fails for it.
  'out-of-credit': 402,
};

function refuse(refusal: Refusal): Reply {
  const status = REFUSAL_STATUSES[refusal.reason];
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
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    when: 'final',
    retryDelaysMs: RETRY_DELAYS_MS,
    accepts: (status) => status === 200,
    body: statusBody,
    sign: () => ({}),
  },
  newTaskId: () => `task_${randomUUID().replaceAll('-', '')}`,
  // No prefix is documented, so any key will do.
  readKey: (request) => /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  refuse,
  mount(router, provider) {
    for (const slug of Object.keys(MODELS) as Slug[]) {
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
