import { Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import type {
  Account,
  Observation,
  ProviderAdapter,
  SubmitAnswer,
  SubmitRequest,
} from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { explain } from '../reasons.ts';
import { deferral, refusal } from '../refusal.ts';
import { providerUrl } from '../wire-values.ts';
import { type ApixoModel, MODELS } from './models.ts';
import { apixoWebhook } from './webhook.ts';
import {
  Balance,
  Envelope,
  GenerateAnswer,
  isAboutContent,
  isAboutCredit,
  observe,
  StatusAnswer,
} from './wire.ts';

/** What a call to APIXO takes. */
interface Api {
  readonly http: HttpClient;
  readonly baseUrl: string;
  readonly headers: { readonly authorization: string };
}

/**
 * API reference, read 2026-11-20: 10 requests a minute and 3 tasks at a time without a plan, 60 and
 * 10 with Pro, which the operator sets. ASSUMPTION: status checks are not counted; two a second are
 * asked.
 */
const LIMITS = {
  submits: { max: 10, perMs: 60_000 },
  concurrency: 3,
  running: 3,
  pollsPerSecond: 2,
};

/**
 * APIXO. The model's slug is a part of every address, so a task's handle keeps it. No idempotency key
 * is documented (ASSUMPTION: there is none). Its webhook is unsigned: `trust` says whether our URL
 * token is enough. Documents: see wire.ts.
 */
export function createApixo(options: ProviderOptions): ProviderAdapter {
  const api: Api = {
    http: options.http,
    baseUrl: options.baseUrl ?? 'https://api.apixo.ai',
    headers: { authorization: `Bearer ${options.apiKey}` },
  };
  return {
    name: 'apixo',
    models: MODELS,
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    webhook: apixoWebhook(options.trust ?? 'hint'),
    submit: (request) => submit(api, request),
    check: (task, { model }) => check(api, task, model),
    account: () => account(api),
  };
}

function modelNamed(name: string): ApixoModel | undefined {
  return Object.hasOwn(MODELS, name) ? MODELS[name] : undefined;
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const model = modelNamed(request.model);
  if (!model) throw new Terminal('invalid_input', 'APIXO has no such model here');
  const { webhookUrl } = request;
  const answer = await api.http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(api.baseUrl, `/api/v1/generateTask/${model.slug}`),
    headers: api.headers,
    json: {
      request_type: webhookUrl ? 'callback' : 'async',
      callback_url: webhookUrl,
      provider: model.routing,
      input: model.wireInput(request.input),
    },
  });
  const refused = asRefusal(answer);
  if (refused) throw refusedSubmit(refused);
  return { task: { id: answer.read(GenerateAnswer).data.taskId, handle: model.slug } };
}

async function check(api: Api, task: ProviderTask, model: string): Promise<Observation> {
  // A task that a webhook named has no handle.
  const slug = encodeURIComponent(task.handle ?? modelNamed(model)?.slug ?? model);
  const answer = await get(api, `/api/v1/statusTask/${slug}?taskId=${encodeURIComponent(task.id)}`);
  const known = answer.ok ? answer.peek(StatusAnswer) : undefined;
  if (known) return observe(known.data);
  if (saysUnknown(answer)) return { kind: 'missing' };
  const refused = asRefusal(answer);
  if (refused) throw refusal(refused);
  return observe(answer.read(StatusAnswer).data);
}

async function account(api: Api): Promise<Account> {
  const answer = await get(api, '/api/v1/apikeys/current-balance');
  const refused = asRefusal(answer);
  if (refused) throw refusal(refused);
  return answer.read(Balance);
}

function get({ http, baseUrl, headers }: Api, path: string): Promise<HttpAnswer> {
  return http.request({
    kind: 'safe-to-retry',
    method: 'GET',
    url: providerUrl(baseUrl, path),
    headers,
  });
}

/**
 * "Errors": 404 is an unknown task or model, in the envelope of every answer. Without that envelope it is
 * not APIXO that speaks.
 */
function saysUnknown(answer: HttpAnswer): boolean {
  return answer.peek(Envelope)?.code === 404;
}

/** A refusal is told by the HTTP status, or by the envelope's `code` under a 200. */
function asRefusal(answer: HttpAnswer): HttpAnswer | undefined {
  if (!answer.ok) return answer;
  const code = answer.peek(Envelope)?.code ?? 200;
  return code >= 400 && code < 600 ? { ...answer, status: code, ok: false } : undefined;
}

function refusedSubmit(answer: HttpAnswer) {
  const { status } = answer;
  const message = answer.peek(Envelope)?.message ?? undefined;
  if (status === 400 && isAboutCredit(message)) return deferral(answer, 'out_of_credit');
  // Not a key without permission, which 403 means too and a person must mend.
  if ((status === 400 || status === 403) && isAboutContent(message)) {
    const reason = explain('content_policy', message);
    return new Terminal(reason.code, reason.message, { answered: true });
  }
  // ASSUMPTION: which of the two limits was met is told by the message only.
  if (status === 429 && /concurren/i.test(message ?? '')) {
    return deferral(answer, 'concurrency_limited');
  }
  return refusal(answer, message);
}
