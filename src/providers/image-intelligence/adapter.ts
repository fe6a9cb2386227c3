import { z } from 'zod';
import { Retryable, Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer } from '../../outbound/http-client.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { InvalidProviderSettings, limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { refusal } from '../refusal.ts';
import { providerUrl } from '../wire-values.ts';
import { type ImageModel, MODELS } from './models.ts';
import { type AuthorizedCall, authorizedCalls } from './token.ts';
import { imageIntelligenceWebhook } from './webhook.ts';
import { ApiError, Job, observe, saysNoSuchJob } from './wire.ts';

/** What a call to Image Intelligence takes. */
interface Api {
  readonly call: AuthorizedCall;
  readonly baseUrl: string;
}

/** ASSUMPTION: no document names Image Intelligence's limits. */
const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 5 };

/**
 * Image Intelligence. It knows no idempotency key, but every job carries a `customId` of ours by
 * which it can be searched: a submission whose answer was lost is looked for before it is sent again.
 * Documents: see wire.ts.
 *
 * @throws InvalidProviderSettings when the key is not `clientId:clientSecret`.
 */
export function createImageIntelligence(options: ProviderOptions): ProviderAdapter {
  const { http, baseUrl = 'https://api.imageintelligence.com' } = options;
  const timeoutMs = options.submitTimeoutMs;
  const call = authorizedCalls({ http, baseUrl, timeoutMs, ...credentials(options.apiKey) });
  const api: Api = { call, baseUrl };

  return {
    name: 'image-intelligence',
    models: MODELS,
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'search', find: (request) => find(api, request) },
    inputs: 'url',
    webhook: imageIntelligenceWebhook(options.trust ?? 'hint'),
    submit: (request) => submit(api, request),
    check: (task, { model }) => check(api, task, model),
  };
}

async function submit({ call, baseUrl }: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const model = known(request.model);
  const answer = await call({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(baseUrl, model.path),
    json: {
      ...model.wireBody(request.input),
      customId: request.idempotencyKey,
      webhookUrl: request.webhookUrl,
    },
  });
  if (!answer.ok) throw refused(answer);
  return { task: { id: answer.read(Job).id } };
}

async function check(api: Api, task: ProviderTask, model: string): Promise<Observation> {
  if (!Object.hasOwn(MODELS, model)) {
    throw new Retryable('unavailable', 'Image Intelligence has no such model here');
  }
  const path = `${known(model).path}/${encodeURIComponent(task.id)}`;
  const answer = await api.call({
    kind: 'safe-to-retry',
    method: 'GET',
    url: providerUrl(api.baseUrl, path),
  });
  const isUnknown = answer.status === 404 && saysNoSuchJob(answer.peek(ApiError));
  if (isUnknown) return { kind: 'missing' };
  if (!answer.ok) throw refused(answer);
  return observe(answer.read(Job));
}

async function find(
  { call, baseUrl }: Api,
  request: SubmitRequest,
): Promise<ProviderTask | undefined> {
  const { path } = known(request.model);
  const query = `?customId=${encodeURIComponent(request.idempotencyKey)}`;
  const url = providerUrl(baseUrl, path + query);
  const answer = await call({ kind: 'safe-to-retry', method: 'GET', url });
  if (!answer.ok) throw refused(answer);
  const jobs = answer.read(z.array(Job));
  const ours = jobs.find(({ customId }) => customId === request.idempotencyKey);
  // Jobs that do not say whose they are prove nothing, least of all that ours is not among them.
  if (!ours && jobs.some(({ customId }) => !customId)) {
    throw new Retryable('unavailable', `${answer.call}: the search names no customId`);
  }
  return ours && { id: ours.id };
}

function known(name: string): ImageModel {
  const model = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined;
  if (model) return model;
  throw new Terminal('invalid_input', 'Image Intelligence has no such model here');
}

/** The secret may hold colons, the id does not. */
function credentials(apiKey: string) {
  const [clientId = '', clientSecret = ''] = apiKey.split(/:(.*)/s);
  if (clientId && clientSecret) return { clientId, clientSecret };
  throw new InvalidProviderSettings('IMAGE_INTELLIGENCE_API_KEY: must be clientId:clientSecret');
}

function refused(answer: HttpAnswer) {
  const body = answer.peek(ApiError);
  return refusal(answer, body?.message ?? body?.error ?? undefined);
}
