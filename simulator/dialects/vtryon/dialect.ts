import { createHmac } from 'node:crypto';
import type { Dialect } from '../../contract/dialect.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';
import { readRecolouring } from './recolouring.ts';
import { readSubmission, taskBody, webhookBody } from './tasks.ts';
import { LIBRARIES, mountLibrary } from './uploads.ts';

// Facts: Vtryon, "Webhooks Integration Guide" (wins on conflict), the try-on guide (uploads) and
// the recolor guide (tasks, by analogy), read 2026-11-20. What no document says is marked
// ASSUMPTION.

/** Documented: up to 5 retries over 24 hours, exponential. ASSUMPTION: the spacing. */
const RETRY_DELAYS_MS = [1, 10, 60, 300, 1_080].map((minutes) => minutes * 60_000);

/** ASSUMPTION: results and tasks are kept for 30 days. */
const KEEPS_TASKS_FOR_MS = 30 * 24 * 60 * 60 * 1000;
/** ASSUMPTION: path and fields of the try-on task. Documented: numeric ids, and 2k as default. */
const TASK_PATH = '/v2/tryon/tasks/';
/** Documented: created at the one, asked for at the other. */
const RECOLOR_PATH = '/v4/models/multipose-image-recolor/';
const RECOLORED_PATH = '/v2/models/multipose-tasks/:id/';

/**
 * ASSUMPTION, all of it: no error is documented. `detail` is in the answer to a documented DELETE, and
 * what is not there is told as by Django REST framework, whose shapes these are.
 */
function refuse({ reason, message }: Refusal): Reply {
  const detail = reason === 'not-found' ? 'Not found.' : message;
  return { status: USUAL_STATUSES[reason], body: { detail } };
}

/** Lowercase hex HMAC-SHA256 of the body, keyed with the secret's text, prefix and all. */
function signVtryon(body: Buffer, secret: string): string {
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
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    when: 'every-change',
    retryDelaysMs: RETRY_DELAYS_MS,
    accepts: (status) => status >= 200 && status < 300,
    body: webhookBody,
    sign: ({ body, secret }) => ({ 'x-vtryon-signature': signVtryon(body, secret) }),
  },
  newTaskId: (sequence) => String(sequence),
  readKey: (request) => request.get('x-api-key') || undefined,
  refuse,
  mount(router, provider) {
    for (const library of LIBRARIES) mountLibrary(router, provider, library);
    const created = (task: TaskFacts): Reply => ({
      status: 200,
      body: {
        id: Number(task.id),
        status: provider.chosen('waiting-word'),
        created_at: new Date(task.acceptedAtMs).toISOString(),
      },
    });
    router.post(
      TASK_PATH,
      provider.submit((request) => readSubmission(request, provider), created),
    );
    router.post(
      RECOLOR_PATH,
      provider.submit((request) => readRecolouring(request, provider), created),
    );
    // Each kind of task has a path of its own, and one number more than the last of either.
    const poll = provider.poll((task, view) => ({
      status: 200,
      body: taskBody(task, view, provider),
    }));
    router.get(`${TASK_PATH}:id/`, poll);
    router.get(RECOLORED_PATH, poll);
  },
};
