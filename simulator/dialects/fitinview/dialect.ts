import { createHmac, randomUUID } from 'node:crypto';
import type { Dialect } from '../../contract/dialect.ts';
import type { Refusal, RefusalReason } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';
import { jobBody, replyToSubmit } from './answers.ts';
import { readKey, readSubmission } from './submission.ts';

// Facts: FitInView, "Webhooks vs Polling" (wins on conflict) and the API reference, both read
// 2026-11-20. What no document says is marked ASSUMPTION.
/** ASSUMPTION: the schedule is not documented; five tries in all, exponential. */
const RETRY_DELAYS_MS = [5_000, 10_000, 20_000, 40_000];

/** ASSUMPTION: the result's signed URL and its task are kept for a day. */
const KEEPS_TASKS_FOR_MS = 24 * 60 * 60 * 1000;

const REFUSAL_STATUSES: Record<RefusalReason, number> = {
  ...USUAL_STATUSES,
  invalid: 422,
  'key-reused': 409,
  'out-of-credit': 402, // ASSUMPTION
};

/** ASSUMPTION: errors carry `detail`, as the framework the API looks made with does. */
function refuse(refusal: Refusal): Reply {
  const status = REFUSAL_STATUSES[refusal.reason];
  // Every 429 of this provider says how long to wait.
  const headers = status === 429 && !refusal.retryAfterSeconds ? { 'Retry-After': '1' } : {};
  return { status, headers, body: { detail: refusal.message } };
}

/** Lowercase hex HMAC-SHA256 of the body, keyed with the secret's text, prefix and all. */
export function signFitInView(body: Buffer, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** FitInView: one call, optional waiting, idempotency keys and a signed webhook. */
export const fitinview: Dialect = {
  name: 'fitinview',
  liveStatuses: ['queued', 'running'],
  finalStatuses: { completed: 'completed', failed: 'failed' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: 'whsec_simulator_fitinview',
  switches: {
    'id-field': ['id', 'job_id', 'both'],
    'changed-body': ['replay', 'refuse'],
  },
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    when: 'final',
    retryDelaysMs: RETRY_DELAYS_MS,
    accepts: (status) => status >= 200 && status < 300,
    body: jobBody,
    sign: ({ body, secret }) => ({ 'X-FitInView-Signature': signFitInView(body, secret) }),
  },
  newTaskId: () => randomUUID(),
  readKey,
  refuse,
  rateHeaders: (usage) => ({
    'X-RateLimit-Limit': String(usage.limitPerMinute),
    'X-RateLimit-Remaining': String(usage.remaining),
    'X-RateLimit-Reset': String(usage.resetAtSeconds),
  }),
  mount(router, provider) {
    const poll = provider.poll((task, view) => ({
      status: 200,
      body: jobBody(task, view, provider),
    }));
    router.post(
      '/api/v1/tryon',
      provider.submit(readSubmission, (task) => replyToSubmit(task, provider)),
    );
    router.get('/api/v1/jobs/:id', poll);
    router.get('/api/v1/tryon/:id', poll);
    router.get(
      '/api/v1/account',
      // ASSUMPTION: the field names.
      provider.account(({ creditsLeft, rate }) => ({
        status: 200,
        body: {
          credits_remaining: creditsLeft,
          rate_limit_per_minute: rate.limitPerMinute,
          rate_limit_remaining: rate.remaining,
        },
      })),
    );
  },
};
