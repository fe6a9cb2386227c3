import { z } from 'zod';
import { Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import { createKeySet } from '../../outbound/jwks.ts';
import type { FileStore } from '../files.ts';
import { createKeptAddresses, type KeptAddresses } from '../kept-addresses.ts';
import { completedFrom } from '../kept-results.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { deferral, refusal } from '../refusal.ts';
import { linksByAny } from '../result-links.ts';
import { providerUrl, statusWord } from '../wire-values.ts';
import { addedModel, type FalModel, MODELS } from './models.ts';
import { falWebhook } from './webhook.ts';
import {
  chargeIn,
  ErrorBody,
  errorText,
  failureIn,
  linksInOutput,
  QueueAnswer,
  QueueStatus,
  saysNoSuchRequest,
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

/** What a call to fal takes, and what becomes of its results. */
interface Api {
  readonly http: HttpClient;
  readonly files: FileStore;
  readonly models: ReadonlyMap<string, FalModel>;
  readonly baseUrl: string;
  readonly headers: { readonly authorization: string };
  readonly addresses: KeptAddresses;
}

const OWN_ORIGIN = 'https://queue.fal.run';
const OWN_KEYS = 'https://rest.fal.ai/.well-known/jwks.json';

/**
 * ASSUMPTION, all three: fal names no rates. "FAQ" (read 2026-11-21): an account runs 2 to 40 requests
 * at once, by what it has bought, and what is more waits in fal's queue: nothing for us to count.
 */
const LIMITS = { submits: { max: 600, perMs: 60_000 }, concurrency: 20, pollsPerSecond: 20 };

/**
 * fal's queue. It recognises no repeated submission; its webhooks are signed with published keys,
 * so they need no secret. `completed` there is only an end: the result says whether it is a good
 * one. Documents: see wire.ts and models.ts.
 */
export function createFal(options: FalOptions): ProviderAdapter {
  const { http, files, now = Date.now } = options;
  const baseUrl = options.baseUrl ?? OWN_ORIGIN;
  const ownKeys = options.baseUrl ? providerUrl(baseUrl, '/.well-known/jwks.json') : OWN_KEYS;
  const keySet = createKeySet({ http, url: options.jwksUrl ?? ownKeys, now });
  const added = [...(options.models ?? [])].map(
    ([name, model]) => [name, addedModel(model)] as const,
  );
  const models = new Map([...Object.entries(MODELS), ...added]);
  // A delivery does not say which model its result is of.
  const linksIn = linksByAny([linksInOutput, ...added.flatMap(([, model]) => model.linksIn ?? [])]);
  const api: Api = {
    http,
    files,
    models,
    baseUrl,
    headers: { authorization: `Key ${options.apiKey}` },
    addresses: createKeptAddresses(baseUrl, OWN_ORIGIN),
  };

  return {
    name: 'fal',
    models: Object.fromEntries(models),
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    webhook: falWebhook({ keySet, linksIn, now }),
    submit: (request) => submit(api, request),
    check: (task, { model }) => check(api, task, model),
    cancel: (task) => cancel(api, task),
  };
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const model = api.models.get(request.model);
  if (!model) throw new Terminal('invalid_input', 'fal has no such model here');
  // "Webhooks": the callback address travels in the query string.
  const query = request.webhookUrl ? `?fal_webhook=${encodeURIComponent(request.webhookUrl)}` : '';
  const answer = await api.http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(api.baseUrl, `/${model.path ?? request.model}${query}`),
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

async function check(api: Api, task: ProviderTask, name: string): Promise<Observation> {
  const model = api.models.get(name);
  const built = builtAddress(api, task, model?.path ?? name);
  const status = await ask(api, api.addresses.find(task.handle, 'status') ?? `${built}/status`);
  if (status.status === 404 && saysNoSuchRequest(status)) return { kind: 'missing' };
  if (!status.ok) throw refused(status);
  const word = statusWord(status.read(QueueStatus).status);
  if (word !== 'completed') return { kind: 'live', status: word };

  const result = await ask(api, api.addresses.find(task.handle, 'response') ?? built);
  // "Queue": 202 means pending, whatever the status said a moment ago.
  if (result.status === 202) return { kind: 'live', status: word };
  if (result.ok) return completed(api, { task, result, model });
  const outcome = failureIn(result);
  if (outcome) return { kind: 'final', outcome };
  if (result.status === 404 && saysNoSuchRequest(result)) return { kind: 'missing' };
  throw refused(result);
}

async function completed(
  { files }: Api,
  about: { task: ProviderTask; result: HttpAnswer; model: FalModel | undefined },
): Promise<Observation> {
  const { task, result, model } = about;
  const linksIn = model?.linksIn ?? linksInOutput;
  const links = linksIn(result.read(z.looseObject({})));
  const outcome = await completedFrom(links, files, task.id);
  const charge = chargeIn(result);
  return { kind: 'final', outcome, ...(charge && { charge }) };
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
