import { randomUUID } from 'node:crypto';
import { json, type Request, type Router } from 'express';
import { z } from 'zod';
import type {
  AccessToken,
  Dialect,
  Provider,
  Refusal,
  RefusalReason,
  Reply,
  TaskFacts,
} from '../../contract/dialect.ts';
import { type JobKind, jobBody, judgeJob, kindOf, readDetect, readMatch } from './jobs.ts';

// Facts: Image Intelligence, "Handling Asynchronous APIs with Webhooks" (wins on conflict), the
// vendor's API specification v2 and its API reference, read 2026-11-20. What no document says is
// marked ASSUMPTION.

const tokenLifetimeMs = 24 * 60 * 60 * 1000;

/** Documented: up to 5 retries. ASSUMPTION: the spacing. */
const retryDelaysMs = [1, 2, 4, 8, 16].map((minutes) => minutes * 60_000);

/** ASSUMPTION: jobs do not go away; a year is as good as never. */
const keepsTasksForMs = 365 * 24 * 60 * 60 * 1000;

/** A search answers with no more jobs than this. ASSUMPTION: the number. */
const maxFound = 100;

const credentialsSchema = z.object({
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
});

const searchSchema = z.object({
  customId: z.string().optional(),
  feedId: z.string().optional(),
  // ASSUMPTION: Unix milliseconds, as all times here are.
  before: z.coerce.number().optional(),
  after: z.coerce.number().optional(),
});

function readCredentials(request: Request): string | Refusal {
  const parsed = credentialsSchema.safeParse(request.body);
  if (!parsed.success) return { reason: 'invalid', message: z.prettifyError(parsed.error) };
  return `${parsed.data.clientId}:${parsed.data.clientSecret}`;
}

function replyWithToken({ token, issuedAtMs, expiresAtMs }: AccessToken): Reply {
  return {
    status: 200,
    body: {
      accessToken: token,
      expiresAt: expiresAtMs,
      issuedAt: issuedAtMs,
      orgName: 'simulator',
      appName: 'simulator',
      scope: 'api',
    },
  };
}

function matcherOf(request: Request, kind: JobKind): ((task: TaskFacts) => boolean) | Refusal {
  const parsed = searchSchema.safeParse(request.query);
  if (!parsed.success) return { reason: 'invalid', message: z.prettifyError(parsed.error) };
  const { customId, feedId, before, after } = parsed.data;
  return (task) =>
    kindOf(task) === kind &&
    (customId === undefined || task.submission.notes['customId'] === customId) &&
    (feedId === undefined || task.submission.notes['feedId'] === feedId) &&
    (before === undefined || task.acceptedAtMs < before) &&
    (after === undefined || task.acceptedAtMs > after);
}

/** Documented: 400, 401, 403, 404, 413 and 500. ASSUMPTION: 402 and 429. */
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

/** ASSUMPTION: the shape of an error's body. */
function refuse({ reason, message }: Refusal): Reply {
  const status = refusalStatuses[reason];
  return { status, body: { code: status, message } };
}

function mountKind(router: Router, provider: Provider, kind: JobKind): void {
  const read = kind === 'detect' ? readDetect : readMatch;
  const notFound = refuse({ reason: 'not-found', message: 'No such job.' });
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
      (tasks) => ({ status: 200, body: tasks.slice(-maxFound).map(bodyNow) }),
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
  keepsTasksForMs,
  webhook: {
    // Never per image: once, when the whole batch is done.
    when: 'final',
    retryDelaysMs,
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
      provider.token(readCredentials, replyWithToken, tokenLifetimeMs),
    );
  },
  mount(router, provider) {
    mountKind(router, provider, 'detect');
    mountKind(router, provider, 'match');
  },
};
