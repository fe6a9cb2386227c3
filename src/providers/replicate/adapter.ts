import { Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import type { FileStore } from '../files.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { deferral, refusal } from '../refusal.ts';
import { linksByAny } from '../result-links.ts';
import { providerUrl } from '../wire-values.ts';
import { addedModel, linksOf, MODELS, type ReplicateModel } from './models.ts';
import { fetchedSecrets, givenSecrets } from './signing-secret.ts';
import { replicateWebhook } from './webhook.ts';
import {
  ApiError,
  linksInOutput,
  observe,
  observeInPassing,
  Prediction,
  saysNotFound,
  waitMsIn,
} from './wire.ts';

export interface ReplicateOptions extends ProviderOptions {
  /** Unix milliseconds, for the age of a signature. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/**
 * "HTTP API", read 2026-11-20: 600 predictions a minute, 3,000 of any other call (one in five is left
 * for the operator's own). ASSUMPTION: 20 submissions may be under way at once.
 */
const LIMITS = { submits: { max: 600, perMs: 60_000 }, concurrency: 20, pollsPerSecond: 40 };

/** ASSUMPTION: with these a prediction that has ended, or is unknown, refuses to be canceled. */
const TOO_LATE_TO_CANCEL = new Set([400, 404, 409, 410, 422]);

/** What a call to Replicate takes, and what becomes of its results. */
interface Api {
  readonly http: HttpClient;
  readonly files: FileStore;
  readonly baseUrl: string;
  readonly headers: { readonly authorization: string };
  readonly models: ReadonlyMap<string, ReplicateModel>;
}

/**
 * Replicate. It knows no idempotency key, so a submission whose answer was lost is never sent again
 * on its own account. The secret of its webhooks is fetched with the key unless the settings name
 * one. Documents: see wire.ts.
 */
export function createReplicate(options: ReplicateOptions): ProviderAdapter {
  const { http, files, now = Date.now } = options;
  const baseUrl = options.baseUrl ?? 'https://api.replicate.com';
  const headers = { authorization: `Bearer ${options.apiKey}` };
  const given = options.webhookSecrets.filter((secret) => secret !== '');
  const url = providerUrl(baseUrl, '/v1/webhooks/default/secret');
  const secrets =
    given.length > 0 ? givenSecrets(given) : fetchedSecrets({ http, url, headers, now });
  const added = [...(options.models ?? [])].map(
    ([name, model]) => [name, addedModel(name, model)] as const,
  );
  const models = new Map([...Object.entries(MODELS), ...added]);
  const api: Api = { http, files, baseUrl, headers, models };
  // ASSUMPTION: `model` in a delivery is not always the name that was asked for.
  const linksIn = linksByAny([linksInOutput, ...added.map(([, model]) => linksOf(model))]);

  return {
    name: 'replicate',
    models: Object.fromEntries(models),
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    webhook: replicateWebhook({ secrets, linksIn, now }),
    submit: (request) => submit(api, request),
    check: (task, { model }) => check(api, task, model),
    cancel: (task) => cancel(api, task),
  };
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const model = api.models.get(request.model);
  if (!model) throw new Terminal('invalid_input', 'Replicate has no such model here');
  const { webhookUrl: webhook, patienceMs } = request;
  const answer = await api.http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(api.baseUrl, '/v1/predictions'),
    headers: { ...api.headers, ...(patienceMs !== undefined && deadlineAfter(patienceMs)) },
    json: {
      version: model.version,
      input: model.wireInput(request.input),
      ...(webhook && { webhook, webhook_events_filter: ['completed'] }),
    },
  });
  if (!answer.ok) throw refused(answer);
  const prediction = answer.read(Prediction);
  const task = { id: prediction.id };
  // "Create a prediction": what is done at once is answered with its output.
  const seen = observeInPassing(prediction, linksOf(model));
  if (seen.kind !== 'final') return { task };
  return { task, outcome: seen.outcome, ...(seen.charge && { charge: seen.charge }) };
}

/** Ours: what the last check finds alive may still end in this time. */
const LAST_CHECK_MS = 10_000;
/** "HTTP API", read 2026-11-21: the least that it takes. */
const SHORTEST_DEADLINE_SECONDS = 5;

/**
 * "HTTP API", `Cancel-After`: from its creation on. What nobody waits for any longer is stopped, and
 * not billed further, also when no worker of ours is left to ask for it.
 */
function deadlineAfter(patienceMs: number): { 'cancel-after': string } {
  const seconds = Math.ceil((patienceMs + LAST_CHECK_MS) / 1_000);
  return { 'cancel-after': `${Math.max(seconds, SHORTEST_DEADLINE_SECONDS)}s` };
}

async function check(api: Api, task: ProviderTask, model: string): Promise<Observation> {
  const { http, headers, files } = api;
  const url = addressOf(api, task);
  const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
  const isUnknown = answer.status === 404 && saysNotFound(answer.peek(ApiError));
  if (isUnknown) return { kind: 'missing' };
  if (!answer.ok) throw refused(answer);
  return observe(answer.read(Prediction), { linksIn: linksOf(api.models.get(model)), files });
}

async function cancel(api: Api, task: ProviderTask): Promise<void> {
  const { http, headers } = api;
  const url = `${addressOf(api, task)}/cancel`;
  const answer = await http.request({ kind: 'safe-to-retry', method: 'POST', url, headers });
  if (!answer.ok && !TOO_LATE_TO_CANCEL.has(answer.status)) throw refused(answer);
}

function addressOf({ baseUrl }: Api, { id }: ProviderTask): string {
  return providerUrl(baseUrl, `/v1/predictions/${encodeURIComponent(id)}`);
}

/** "HTTP API": a 429 says in words how long to wait. */
function refused(answer: HttpAnswer) {
  const body = answer.peek(ApiError);
  const said = body?.detail ?? body?.title ?? undefined;
  if (answer.status === 429) return deferral(answer, 'rate_limited', waitMsIn(said));
  return refusal(answer, said);
}
