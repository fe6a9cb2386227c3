import { Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer } from '../../outbound/http-client.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { deferral, refusal } from '../refusal.ts';
import { providerUrl } from '../wire-values.ts';
import { MODELS } from './models.ts';
import { replicateWebhook } from './webhook.ts';
import { ApiError, observe, observeInPassing, Prediction, waitMsIn } from './wire.ts';

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

/**
 * Replicate. It knows no idempotency key, so a submission whose answer was lost is never sent again
 * on its own account. Documents: see wire.ts.
 */
export function createReplicate(options: ReplicateOptions): ProviderAdapter {
  const { http, webhookSecrets: secrets, now = Date.now } = options;
  const baseUrl = options.baseUrl ?? 'https://api.replicate.com';
  const headers = { authorization: `Bearer ${options.apiKey}` };
  const signed = secrets.some((secret) => secret !== '');
  const webhook = signed ? replicateWebhook(secrets, now) : undefined;
  const addressOf = ({ id }: ProviderTask): string =>
    providerUrl(baseUrl, `/v1/predictions/${encodeURIComponent(id)}`);

  async function submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const model = Object.hasOwn(MODELS, request.model) ? MODELS[request.model] : undefined;
    if (!model) throw new Terminal('invalid_input', 'Replicate has no such model here');
    const callback = webhook && request.webhookUrl;
    const answer = await http.request({
      kind: 'submit',
      method: 'POST',
      url: providerUrl(baseUrl, '/v1/predictions'),
      headers,
      json: {
        version: model.version,
        input: model.wireInput(request.input),
        ...(callback && { webhook: callback, webhook_events_filter: ['completed'] }),
      },
    });
    if (!answer.ok) throw refused(answer);
    const prediction = answer.read(Prediction);
    const task = { id: prediction.id };
    // "Create a prediction": what is done at once is answered with its output.
    const seen = observeInPassing(prediction);
    return seen.kind === 'final' ? { task, outcome: seen.outcome } : { task };
  }

  async function check(task: ProviderTask): Promise<Observation> {
    const url = addressOf(task);
    const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
    if (answer.status === 404) return { kind: 'missing' };
    if (!answer.ok) throw refused(answer);
    return observe(answer.read(Prediction));
  }

  async function cancel(task: ProviderTask): Promise<void> {
    const url = `${addressOf(task)}/cancel`;
    const answer = await http.request({ kind: 'safe-to-retry', method: 'POST', url, headers });
    if (!answer.ok && !TOO_LATE_TO_CANCEL.has(answer.status)) throw refused(answer);
  }

  return {
    name: 'replicate',
    models: MODELS,
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    ...(webhook && { webhook }),
    submit,
    check,
    cancel,
  };
}

/** "HTTP API": a 429 says in words how long to wait. */
function refused(answer: HttpAnswer) {
  const body = answer.peek(ApiError);
  const said = body?.detail ?? body?.title ?? undefined;
  if (answer.status === 429) return deferral(answer, 'rate_limited', waitMsIn(said));
  return refusal(answer, said);
}
