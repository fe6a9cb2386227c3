import { Terminal } from '../../generation/errors.ts';
import { Outcome, type ProviderTask } from '../../generation/generation.ts';
import { fileTypeOf } from '../../outbound/file-type.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import type { FileStore } from '../files.ts';
import { createKeptAddresses, type KeptAddresses } from '../kept-addresses.ts';
import { completedFrom } from '../kept-results.ts';
import type {
  Account,
  Observation,
  ProviderAdapter,
  SubmitAnswer,
  SubmitRequest,
} from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { explain, failed } from '../reasons.ts';
import { deferral, refusal } from '../refusal.ts';
import { providerUrl, statusWord } from '../wire-values.ts';
import { addedModel, MODELS, type SegmindModel } from './models.ts';
import {
  ApiError,
  Credits,
  chargeOf,
  failure,
  filesIn,
  isAboutCredit,
  QueueAnswer,
  RequestBody,
  saysUnknown,
} from './wire.ts';

/** What a call to Segmind takes, and what becomes of its results. */
interface Api {
  readonly http: HttpClient;
  readonly files: FileStore;
  readonly models: ReadonlyMap<string, SegmindModel>;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<'x-api-key', string>>;
  readonly addresses: KeptAddresses;
}

const OWN_ORIGIN = 'https://api.segmind.com';

/**
 * "Rate limits", read 2026-11-21: 50 requests a minute with Pro, 5 with the free plan, which the operator
 * sets. Its page of prices says 60 to 1,000, and calls the plans otherwise. ASSUMPTION: a request is
 * what asks for work; checks do not count, and a refused one is only asked again later.
 */
const LIMITS = { submits: { max: 50, perMs: 60_000 }, concurrency: 10, pollsPerSecond: 5 };

/** A task of version 1, whose answer was the outcome: Segmind gave it no name. */
const WAITED = 'waited-';

/**
 * Segmind. It tells nobody when a model is done, so every result is polled for; and it recognises
 * no repeated submission, so a lost answer is never sent again on its own account.
 * Documents: see wire.ts and models.ts.
 */
export function createSegmind(options: ProviderOptions): ProviderAdapter {
  const { http, files } = options;
  const baseUrl = options.baseUrl ?? OWN_ORIGIN;
  const added = [...(options.models ?? [])].map(
    ([name, model]) => [name, addedModel(name, model)] as const,
  );
  const models = new Map([...Object.entries(MODELS), ...added]);
  const api: Api = {
    http,
    files,
    models,
    baseUrl,
    headers: { 'x-api-key': options.apiKey },
    addresses: createKeptAddresses(baseUrl, OWN_ORIGIN),
  };

  return {
    name: 'segmind',
    models: Object.fromEntries(models),
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    submit: (request) => submit(api, request),
    check: (task, { model }) => check(api, task, model),
    account: () => account(api),
  };
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const { http, baseUrl, headers, addresses } = api;
  const model = api.models.get(request.model);
  if (!model) throw new Terminal('invalid_input', 'Segmind has no such model here');
  const version = model.mode === 'wait' ? 'v1' : 'v2';
  const answer = await http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(baseUrl, `/${version}/${model.slug}`),
    // Version 1 answers with the picture itself.
    headers: model.mode === 'wait' ? { ...headers, accept: '*/*' } : headers,
    json: model.wireInput(request.input),
  });
  if (model.mode === 'wait') return waitedFor(api, answer, request.idempotencyKey);
  if (!answer.ok) throw refused(answer);
  const { request_id: id, status_url, response_url } = answer.read(QueueAnswer);
  const handle = addresses.keep({ status: status_url, response: response_url });
  return { task: { id, ...(handle !== undefined && { handle }) } };
}

/** The outcome goes into the handle as well: if we crash now, it is all that is left of it. */
async function waitedFor(api: Api, answer: HttpAnswer, key: string): Promise<SubmitAnswer> {
  const outcome = await outcomeOf(api, answer, key);
  const task = { id: `${WAITED}${key}`, handle: JSON.stringify(outcome) };
  return { task, outcome, charge: chargeOf(answer.headers['x-cost']) };
}

async function outcomeOf({ files }: Api, answer: HttpAnswer, key: string): Promise<Outcome> {
  const body = answer.peek(RequestBody);
  // ASSUMPTION: version 1 tells of a failure as version 2 does.
  if (!answer.ok && statusWord(body?.status) === 'failed') return failure(body?.error);
  if (!answer.ok) throw refused(answer);
  // By its bytes: what a header calls them is not always true.
  const isMedia =
    fileTypeOf(answer.body) !== undefined ||
    /^(image|video)\//i.test(answer.headers['content-type'] ?? '');
  return completedFrom(isMedia ? [answer.body] : filesIn(answer.json()), files, key);
}

async function check(api: Api, task: ProviderTask, model: string): Promise<Observation> {
  const { baseUrl, addresses, files } = api;
  if (task.id.startsWith(WAITED)) return remembered(task);
  const built = providerUrl(baseUrl, `/v2/requests/${encodeURIComponent(task.id)}`);
  const status = await ask(api, addresses.find(task.handle, 'status') ?? `${built}/status`);
  if (statusWord(status?.status) !== 'completed') return observe(status);
  // "Async inference": the status is light; the output is at the other address.
  const result = await ask(api, addresses.find(task.handle, 'response') ?? built);
  if (statusWord(result?.status) !== 'completed') return observe(result);
  const linksIn = api.models.get(model)?.linksIn ?? filesIn;
  const outcome = await completedFrom(linksIn(result?.output), files, task.id);
  return { kind: 'final', outcome, charge: chargeOf(result?.metrics?.cost) };
}

/** @returns undefined when Segmind does not know the request (any more, or yet). */
async function ask({ http, headers }: Api, url: string): Promise<RequestBody | undefined> {
  const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
  // The SDK: a request that failed is served with 422, so its body counts before its status.
  const body = answer.peek(RequestBody);
  if (!answer.ok && statusWord(body?.status) === 'failed') return body;
  if (answer.status === 404 && saysUnknown(body ?? answer.peek(ApiError))) return undefined;
  if (!answer.ok) throw refused(answer);
  return answer.read(RequestBody);
}

async function account({ http, baseUrl, headers }: Api): Promise<Account> {
  const url = providerUrl(baseUrl, '/v1/get-user-credits');
  const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
  if (!answer.ok) throw refused(answer);
  const credits = answer.read(Credits);
  // ASSUMPTION: the free ones are counted apart.
  return { credits: credits.credits + (credits['free-credits'] ?? 0) };
}

/** A status that no document names is a live one; a completed one without its output, too. */
function observe(body: RequestBody | undefined): Observation {
  if (!body) return { kind: 'missing' };
  const status = statusWord(body.status);
  if (status === 'failed') return { kind: 'final', outcome: failure(body.error) };
  return { kind: 'live', status };
}

function remembered(task: ProviderTask): Observation {
  try {
    return { kind: 'final', outcome: Outcome.parse(JSON.parse(task.handle ?? '')) };
  } catch {
    return { kind: 'final', outcome: failed('result_missing') };
  }
}

function refused(answer: HttpAnswer) {
  const said = answer.peek(ApiError)?.error ?? undefined;
  if (answer.status === 429) return deferral(answer, 'rate_limited', untilReset(answer));
  // A 406 without a word may be either, and only one of the two can be mended by waiting.
  if (answer.status === 406 && isAboutCredit(said)) return deferral(answer, 'out_of_credit');
  if (answer.status === 406 && answer.kind === 'submit') {
    const { code, message } = explain('invalid_input', said);
    return new Terminal(code, message, { answered: true });
  }
  return refusal(answer, said);
}

/** "Serverless API": no Retry-After, but the moment at which the window ends. */
function untilReset({ headers }: HttpAnswer): number {
  const at = Date.parse(String(headers['x-rate-limit-reset-at-utc']));
  return Number.isNaN(at) ? 0 : Math.max(at - Date.now(), 0);
}
