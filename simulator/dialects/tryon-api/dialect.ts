import { randomUUID } from 'node:crypto';
import type { Dialect } from '../../contract/dialect.ts';
import type { Refusal, RefusalReason } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';
import { jobBody } from './answers.ts';
import { readSubmission } from './submission.ts';

// Facts: tryon-api.com, the documentation of the multipart job API (wins on conflict) and what
// public client programs agree on, read 2026-11-20. What nobody says is marked ASSUMPTION.

/** ASSUMPTION: a job can be asked about for a day; only signed links are said to live an hour. */
const KEEPS_TASKS_FOR_MS = 24 * 60 * 60 * 1000;

/** ASSUMPTION: three repeats. Webhooks are said to exist, and nothing else about them is. */
const RETRY_DELAYS_MS = [10_000, 60_000, 300_000];
const REFUSAL_STATUSES: Record<RefusalReason, number> = {
  ...USUAL_STATUSES,
  'too-large': 413, // ASSUMPTION
  'not-found': 404, // ASSUMPTION
};

/** ASSUMPTION: errors carry `error`, as the status of a failed job does. */
function refuse({ reason, message }: Refusal): Reply {
  return { status: REFUSAL_STATUSES[reason], body: { error: message } };
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
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    when: 'final',
    retryDelaysMs: RETRY_DELAYS_MS,
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
