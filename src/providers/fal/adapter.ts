import { Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import { createKeySet } from '../../outbound/jwks.ts';
import { createKeptAddresses, type KeptAddresses } from '../kept-addresses.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { deferral, refusal } from '../refusal.ts';
import { completedWith, providerUrl, statusWord } from '../wire-values.ts';
import { MODELS } from './models.ts';
import { falWebhook } from './webhook.ts';
import {
  ErrorBody,
  errorText,
  failureIn,
  linksIn,
  Output,
  QueueAnswer,
  QueueStatus,
} from './wire.ts';

export interface FalOptions extends ProviderOptions {
  /**
   * Where the keys of fal's webhooks are published. Default: fal's own address; with another
   * `baseUrl`, `/.well-known/jwks.json` below that.
   */
  readonly jwksUrl?: string | undefined;
  /** Unix milliseconds; the clock's unless given. */
  readonly now?: (() => number) | undefined;
}

/** What a call to fal takes. */
interface Api {
  readonly http: HttpClient;
  readonly baseUrl: string;
  readonly headers: { readonly authorization: string };
  readonly addresses: KeptAddresses;
}

const OWN_ORIGIN = 'https://queue.fal.run';
const OWN_KEYS = 'https://rest.fal.ai/.well-known/jwks.json';

/** ASSUMPTION: fal names no rates; its queue takes what is too much at once ("Reliability"). */
const LIMITS = { submits: { max: 600, perMs: 60_000 }, concurrency: 20, pollsPerSecond: 20 };

/**
 * fal's queue. It recognises no repeated submission; its webhooks are signed with published keys,
 * so they need no secret. `completed` there is only an end: the result says whether it is a good
 * one. Documents: see wire.ts and models.ts.
 */
export function createFal(options: FalOptions): ProviderAdapter {
  const { http, now = Date.now } = options;
  const baseUrl = options.baseUrl ?? OWN_ORIGIN;
  const ownKeys = options.baseUrl ? providerUrl(baseUrl, '/.well-known/jwks.json') : OWN_KEYS;
  const keySet = createKeySet({ http, url: options.jwksUrl ?? ownKeys, now });
  const api: Api = {
    http,
    baseUrl,
    headers: { authorization: `Key ${options.apiKey}` },
    addresses: createKeptAddresses(baseUrl, OWN_ORIGIN),
  };

  return {
    name: 'fal',
    models: MODELS,
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    webhook: falWebhook({ keySet, now }),
    submit: (request) => submit(api, request),
    check: (task, { model }) => check(api, task, model),
    cancel: (task) => cancel(api, task),
  };
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const model = Object.hasOwn(MODELS, request.model) ? MODELS[request.model] : undefined;
  if (!model) throw new Terminal('invalid_input', 'fal has no such model here');
  // "Webhooks": the callback address travels in the query string.
  const query = request.webhookUrl ? `?fal_webhook=${encodeURIComponent(request.webhookUrl)}` : '';
  const answer = await api.http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(api.baseUrl, `/${request.model}${query}`),
    headers: api.headers,
    json: model.wireInput(request.input),
  });
  if (!answer.ok) throw refused(answer);
  const { request_id: id, status_url, response_url, cancel_url } = answer.read(QueueAnswer);
  const handle = api.addresses.keep({
    status: status_url,
    response: response_url,
    cancel: cancel_url,
  });
  return { task: { id, ...(handle !== undefined && { handle }) } };
}

async function check(api: Api, task: ProviderTask, model: string): Promise<Observation> {
  const built = builtAddress(api, task, model);
  const status = await ask(api, api.addresses.find(task.handle, 'status') ?? `${built}/status`);
  if (status.status === 404) return { kind: 'missing' };
  if (!status.ok) throw refused(status);
  const word = statusWord(status.read(QueueStatus).status);
  if (word !== 'completed') return { kind: 'live', status: word };

  const result = await ask(api, api.addresses.find(task.handle, 'response') ?? built);
  // "Queue": 202 means pending, whatever the status said a moment ago.
  if (result.status === 202) return { kind: 'live', status: word };
  if (result.ok) {
    return { kind: 'final', outcome: completedWith(linksIn(result.read(Output))) };
  }
  const outcome = failureIn(result);
  if (outcome) return { kind: 'final', outcome };
  if (result.status === 404) return { kind: 'missing' };
  throw refused(result);
}

async function cancel({ http, headers, addresses }: Api, task: ProviderTask): Promise<void> {
  // Without addresses it was adopted from a webhook, and those tell of ends: nothing to stop.
  const url = addresses.find(task.handle, 'cancel');
  if (url === undefined) return;
  const answer = await http.request({ kind: 'safe-to-retry', method: 'PUT', url, headers });
  // "Cancel": 400 ALREADY_COMPLETED and 404 NOT_FOUND are as good as done.
  if (!answer.ok && answer.status !== 400 && answer.status !== 404) throw refused(answer);
}

function ask({ http, headers }: Api, url: string): Promise<HttpAnswer> {
  return http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
}

/**
 * For a task whose returned addresses we lack or may not follow. "Queue": a submission goes below
 * the app's name, everything else is asked of the app itself.
 */
function builtAddress({ baseUrl }: Api, task: ProviderTask, model: string): string {
  const app = model.split('/').slice(0, 2).join('/');
  return providerUrl(baseUrl, `/${app}/requests/${encodeURIComponent(task.id)}`);
}

function refused(answer: HttpAnswer) {
  const said = errorText(answer.peek(ErrorBody));
  // fal's issue tracker, read 2026-11-20: `User is locked. Reason: Exhausted balance` under 403.
  if (answer.status === 403 && /exhausted balance/i.test(said ?? '')) {
    return deferral(answer, 'out_of_credit');
  }
  return refusal(answer, said);
}
