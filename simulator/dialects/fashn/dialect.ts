import { randomUUID } from 'node:crypto';
import type { Dialect } from '../../contract/dialect.ts';
import type { Refusal, RefusalReason } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { FAILURE_NAMES, judge, replyToPoll, statusBody } from './answers.ts';
import { readSubmission } from './submission.ts';

// Facts: FASHN, "Webhooks" (wins on conflict), "API Fundamentals", "Error Handling" and the model
// pages, read 2026-11-20. What no document says is marked ASSUMPTION.

/** ASSUMPTION: documented is only "up to 5 retries within about 5 minutes". */
const RETRY_DELAYS_MS = [10_000, 20_000, 40_000, 80_000, 150_000];

/** Result links live for 72 hours; ASSUMPTION: the status as long. */
const KEEPS_TASKS_FOR_MS = 72 * 60 * 60 * 1000;

/** Part of the balance shown as bought on demand, which is spent last. */
const ON_DEMAND_CREDITS = 1_000;
const REFUSALS: Record<RefusalReason, { status: number; error: string }> = {
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
  const { status, error } = REFUSALS[refusal.reason];
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
    failure: [...FAILURE_NAMES, 'canceled'],
  },
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    when: 'final',
    retryDelaysMs: RETRY_DELAYS_MS,
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
        const onDemand = Math.min(creditsLeft, ON_DEMAND_CREDITS);
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
