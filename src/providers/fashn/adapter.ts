import { Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer } from '../../outbound/http-client.ts';
import type {
  Account,
  Observation,
  ProviderAdapter,
  SubmitAnswer,
  SubmitRequest,
} from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { deferral, refusal } from '../refusal.ts';
import { providerUrl } from '../wire-values.ts';
import { MODELS } from './models.ts';
import { fashnWebhook } from './webhook.ts';
import { ApiError, Credits, observe, Prediction, RunAnswer, TOO_MANY } from './wire.ts';

/**
 * "Endpoints" and "Credits", read 2026-11-20: 50 submissions a minute, 50 status checks in 10 s
 * (one in five is left for the operator's own), six predictions at a time.
 */
const LIMITS = {
  submits: { max: 50, perMs: 60_000 },
  concurrency: 6,
  pollsPerSecond: 4,
  running: 6,
};

/**
 * FASHN. It knows no idempotency key, so a submission whose answer was lost is never sent again on
 * its own account; one that FASHN itself says it refused is. Its webhook is unsigned: `trust` says whether our URL token is enough.
 * Documents: see wire.ts and models.ts.
 */
export function createFashn(options: ProviderOptions): ProviderAdapter {
  const { http } = options;
  const baseUrl = options.baseUrl ?? 'https://api.fashn.ai';
  const headers = { authorization: `Bearer ${options.apiKey}` };

  async function submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const model = Object.hasOwn(MODELS, request.model) ? MODELS[request.model] : undefined;
    if (!model) throw new Terminal('invalid_input', 'FASHN has no such model here');
    // "Webhooks": the callback address travels in the query string.
    const query = request.webhookUrl
      ? `?webhook_url=${encodeURIComponent(request.webhookUrl)}`
      : '';
    const answer = await http.request({
      kind: 'submit',
      method: 'POST',
      url: providerUrl(baseUrl, `/v1/run${query}`),
      headers,
      json: { model_name: request.model, inputs: model.wireInputs(request.input) },
    });
    if (!answer.ok) throw refused(answer);
    return { task: { id: answer.read(RunAnswer).id } };
  }

  async function check(task: ProviderTask): Promise<Observation> {
    const url = providerUrl(baseUrl, `/v1/status/${encodeURIComponent(task.id)}`);
    const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
    // "Error Handling": unknown, or no longer kept. A 404 in other words is not FASHN's.
    const isUnknown = answer.status === 404 && answer.peek(ApiError)?.error === 'NotFound';
    if (isUnknown) return { kind: 'missing' };
    if (!answer.ok) throw refused(answer);
    return charged(observe(answer.read(Prediction)), answer);
  }

  async function account(): Promise<Account> {
    const url = providerUrl(baseUrl, '/v1/credits');
    const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
    if (!answer.ok) throw refused(answer);
    return { credits: answer.read(Credits).credits.total };
  }

  return {
    name: 'fashn',
    models: MODELS,
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    webhook: fashnWebhook(options.trust ?? 'hint'),
    submit,
    check,
    account,
  };
}

/** "API Fundamentals": the header is on the answer that tells the end. */
function charged(observation: Observation, { headers }: HttpAnswer): Observation {
  const amount = Number.parseFloat(String(headers['x-fashn-credits-used']));
  if (observation.kind !== 'final' || !(amount >= 0)) return observation;
  return { ...observation, charge: { amount, unit: 'credits' } };
}

function refused(answer: HttpAnswer) {
  const body = answer.peek(ApiError);
  const tooMany = TOO_MANY.get(body?.error ?? '');
  if (answer.status === 429 && tooMany) return deferral(answer, tooMany);
  // "Error Handling": its own 500, which names no prediction, made none; repeating is safe. Any other
  // 5xx is a gateway's, whatever its body says: `refusal` takes it for what it is, nobody knows.
  const isOwn = body?.error === 'InternalServerError' && (body.id ?? undefined) === undefined;
  if (answer.status === 500 && isOwn) return deferral(answer, 'unavailable');
  return refusal(answer, body?.message ?? undefined);
}
