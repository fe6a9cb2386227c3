import { randomUUID } from 'node:crypto';
import { json, type Router } from 'express';
import type { Dialect } from '../../contract/dialect.ts';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';
import { readCredentials, replyWithToken } from './access.ts';
import { type JobKind, kindOf, readDetect, readMatch } from './job-request.ts';
import { jobBody, judgeJob } from './jobs.ts';
import { matcherOf } from './search.ts';

// Facts: Image Intelligence, "Handling Asynchronous APIs with Webhooks" (wins on conflict), the
// vendor's API specification v2 and its API reference, read 2026-11-20. What no document says is
// marked ASSUMPTION.

const TOKEN_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** Documented: up to 5 retries. ASSUMPTION: the spacing. */
const RETRY_DELAYS_MS = [1, 2, 4, 8, 16].map((minutes) => minutes * 60_000);

/** ASSUMPTION: jobs do not go away; a year is as good as never. */
const KEEPS_TASKS_FOR_MS = 365 * 24 * 60 * 60 * 1000;

/** A search answers with no more jobs than this. ASSUMPTION: the number. */
const MAX_FOUND = 100;
/** What the specification says of 404. */
const NO_JOB = 'No job found with the given ID';

/** Documented: 400, 401, 403, 404, 413 and 500. ASSUMPTION: 402, 429 and the body's shape. */
function refuse({ reason, message }: Refusal): Reply {
  const status = USUAL_STATUSES[reason];
  return { status, body: { code: status, message: reason === 'not-found' ? NO_JOB : message } };
}

function mountKind(router: Router, provider: Provider, kind: JobKind): void {
  const read = kind === 'detect' ? readDetect : readMatch;
  const notFound = refuse({ reason: 'not-found', message: NO_JOB });
  const bodyNow = (task: TaskFacts) => jobBody(task, provider.view(task));
  router.post(
    `/v2/${kind}`,
    provider.submit(
      (request) => read(request.body),
      (task) => ({ status: 200, body: bodyNow(task) }),
    ),
  );
  router.get(
    `/v2/${kind}`,
    provider.search(
      (request) => matcherOf(request, kind),
      (tasks) => ({ status: 200, body: tasks.slice(-MAX_FOUND).map(bodyNow) }),
    ),
  );
  router.get(
    `/v2/${kind}/:id`,
    provider.poll((task, view) =>
      kindOf(task) === kind ? { status: 200, body: jobBody(task, view) } : notFound,
    ),
  );
}

/** Image Intelligence: batches of pictures in, labels out; access tokens and unsigned webhooks. */
export const imageIntelligence: Dialect = {
  name: 'image-intelligence',
  liveStatuses: ['IN_PROGRESS'],
  finalStatuses: { completed: 'COMPLETED_SUCCESSFULLY', failed: 'COMPLETED_ALL_ERROR' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: {},
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  webhook: {
    // Never per image: once, when the whole batch is done.
    when: 'final',
    retryDelaysMs: RETRY_DELAYS_MS,
    // Exactly 200; any other answer is a failure.
    accepts: (status) => status === 200,
    body: jobBody,
    sign: () => ({}),
  },
  newTaskId: () => randomUUID(),
  readKey: (request) => /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1],
  usesAccessTokens: true,
  refuse,
  judge: judgeJob,
  mountOpen(router, provider) {
    router.post(
      '/v2/oauth/token',
      json({ limit: '16kb' }),
      provider.token(readCredentials, replyWithToken, TOKEN_LIFETIME_MS),
    );
  },
  mount(router, provider) {
    mountKind(router, provider, 'detect');
    mountKind(router, provider, 'match');
  },
};
