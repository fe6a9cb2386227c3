import { OutcomeUnknown } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import type {
  Account,
  Observation,
  ProviderAdapter,
  SubmitAnswer,
  SubmitRequest,
} from '../provider.ts';
import { limitsFor, type ProviderOptions, taskPathOf } from '../provider-settings.ts';
import { refusal } from '../refusal.ts';
import { parseInput, providerUrl } from '../wire-values.ts';
import { fitInViewWebhook } from './webhook.ts';
import {
  AccountBody,
  errorText,
  Job,
  jobId,
  observe,
  observeInPassing,
  saysNoSuchJob,
  submitBody,
  TRYON,
  TryOnInput,
} from './wire.ts';

/**
 * Where a job's status is: the article "Webhooks vs Polling", which wins. The API documentation says
 * `/api/v1/tryon/{id}`; `taskPath` in the settings chooses.
 */
const JOB_PATH = '/api/v1/jobs/{id}';

/** What a call to FitInView takes. */
interface Api {
  readonly http: HttpClient;
  readonly baseUrl: string;
  readonly jobPath: string;
  readonly authorization: string;
  /** Without secrets to verify them by, webhooks are not asked for. */
  readonly hasWebhook: boolean;
}

const DAY_MS = 24 * 3_600_000;

/** ASSUMPTION: no document names FitInView's limits. */
const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 10, pollsPerSecond: 10 };

/**
 * FitInView. Submissions carry an idempotency key that it remembers for 24 hours, so a lost answer
 * is asked for again. Documents: see wire.ts.
 *
 * @throws InvalidProviderSettings for a `taskPath` that is none.
 */
export function createFitInView(options: ProviderOptions): ProviderAdapter {
  const { http, webhookSecrets: secrets } = options;
  const jobPath = taskPathOf('FITINVIEW', options.taskPath, JOB_PATH);
  const webhook = secrets.some((secret) => secret !== '') ? fitInViewWebhook(secrets) : undefined;
  const api: Api = {
    http,
    baseUrl: options.baseUrl ?? 'https://api.fitinview.com',
    jobPath,
    authorization: `Bearer ${options.apiKey}`,
    hasWebhook: webhook !== undefined,
  };

  return {
    name: 'fitinview',
    models: { tryon: TRYON },
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'idempotency-key', keyLifetimeMs: DAY_MS },
    inputs: 'url',
    // API documentation: these keys call no model and spend no credits.
    isTest: options.apiKey.startsWith('fiv_test_'),
    ...(webhook && { webhook }),
    submit: (request) => submit(api, request),
    check: (task) => check(api, task),
    account: () => account(api),
  };
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const { http, baseUrl, authorization, hasWebhook } = api;
  const input = parseInput(TryOnInput, request.input);
  const answer = await http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(baseUrl, '/api/v1/tryon'),
    headers: { authorization, 'idempotency-key': request.idempotencyKey },
    json: submitBody(input, hasWebhook ? request.webhookUrl : undefined),
  });
  if (!answer.ok) throw refusal(answer, errorText(answer.peek(Job)));
  return accepted(answer, request.idempotencyKey);
}

async function check(api: Api, task: ProviderTask): Promise<Observation> {
  const path = api.jobPath.replace('{id}', () => encodeURIComponent(task.id));
  const answer = await get(api, path);
  if (answer.status === 404 && saysNoSuchJob(answer.peek(Job))) return { kind: 'missing' };
  if (!answer.ok) throw refusal(answer);
  return observe(answer.read(Job));
}

async function account(api: Api): Promise<Account> {
  const answer = await get(api, '/api/v1/account');
  if (!answer.ok) throw refusal(answer);
  const credits = answer.read(AccountBody).credits_remaining;
  // "API documentation": a sliding minute.
  const left = Number.parseInt(String(answer.headers['x-ratelimit-remaining']), 10);
  return {
    ...(credits !== undefined && { credits }),
    ...(Number.isFinite(left) && { requestsLeft: left }),
  };
}

function get({ http, baseUrl, authorization }: Api, path: string): Promise<HttpAnswer> {
  return http.request({
    kind: 'safe-to-retry',
    method: 'GET',
    url: providerUrl(baseUrl, path),
    headers: { authorization },
  });
}

/**
 * An accepted submission. The API documentation shows calls that finish while they are waited for:
 * those hold the result, and perhaps no id, in which case the paid result still counts.
 */
function accepted(answer: HttpAnswer, key: string): SubmitAnswer {
  const job = answer.read(Job);
  const id = jobId(job);
  const seen = observeInPassing(job);
  if (seen.kind === 'final') return { task: { id: id ?? `inline-${key}` }, outcome: seen.outcome };
  if (id) return { task: { id } };
  throw new OutcomeUnknown('unreadable_answer', `${answer.call}: accepted, but names no job`);
}
