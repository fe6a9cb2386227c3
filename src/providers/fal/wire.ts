import { z } from 'zod';
import type { Charge, Outcome, Reason } from '../../generation/generation.ts';
import type { HttpAnswer } from '../../outbound/http-client.ts';
import type { Observation } from '../provider.ts';
import { beginningOf, explain, type ReasonCode } from '../reasons.ts';
import type { LinksIn } from '../result-links.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * fal's bodies. Sources, all read 2026-11-20: its pages "Queue", "Webhooks", "Errors", "Request
 * errors" and "Cancel", and its official TypeScript SDK. The models are in models.ts.
 */

/** "Queue": the answer to a submission. */
export const QueueAnswer = z.object({
  request_id: TaskId,
  status_url: LooseText,
  response_url: LooseText,
  cancel_url: LooseText,
});

/** "Queue": IN_QUEUE, IN_PROGRESS, COMPLETED; the last one also for what went wrong. */
export const QueueStatus = z.object({ status: z.string() });

const File = z.object({ url: z.string() });

/**
 * The output of a model: `images`, or one `image`; a `video` or an `audio` of models that the
 * settings add, which say in their file where their results are if it is elsewhere.
 */
const Output = z.object({
  images: z.array(File).nullish().catch(undefined),
  image: File.nullish().catch(undefined),
  video: File.nullish().catch(undefined),
  audio: File.nullish().catch(undefined),
});

export const linksInOutput: LinksIn = (output) => {
  const { images, image, video, audio } = Output.safeParse(output).data ?? {};
  const one = image ?? video ?? audio;
  return (images ?? (one ? [one] : [])).map(({ url }) => url);
};

/**
 * An error: of the model, a list of details ("Errors"), or of fal itself, a sentence with an
 * `error_type` ("Request errors"). Older endpoints of models send a bare sentence.
 */
export const ErrorBody = z.object({
  detail: z.union([z.string(), z.array(z.object({ type: LooseText, msg: LooseText }))]),
  error_type: LooseText,
});
export type ErrorBody = z.infer<typeof ErrorBody>;

/** The sentence of an error, for the app. */
export function errorText(body: ErrorBody | undefined): string | undefined {
  const { detail } = body ?? {};
  return (typeof detail === 'string' ? detail : detail?.[0]?.msg) ?? undefined;
}

/** "Errors" (ASSUMPTION: the names besides `image_too_large`), then "Request errors". */
const REASON_OF: ReadonlyMap<string, ReasonCode> = new Map([
  ['content_policy_violation', 'content_policy'],
  ['image_load_error', 'image_unreadable'],
  ['file_download_error', 'image_unreadable'],
  ['unsupported_image_format', 'image_unreadable'],
  ['image_too_large', 'invalid_input'],
  ['image_too_small', 'invalid_input'],
  ['file_too_large', 'invalid_input'],
  ['downstream_service_error', 'upstream_refused'],
  ['downstream_service_unavailable', 'provider_error'],
  ['internal_server_error', 'provider_error'],
  ['generation_timeout', 'provider_timed_out'],
  ['request_timeout', 'provider_timed_out'],
  ['startup_timeout', 'provider_timed_out'],
  ['runner_scheduling_failure', 'provider_error'],
  ['runner_connection_timeout', 'provider_error'],
  ['runner_connection_refused', 'provider_error'],
  ['runner_connection_error', 'provider_error'],
  ['runner_disconnected', 'provider_error'],
  ['runner_incomplete_response', 'provider_error'],
  ['runner_server_error', 'provider_error'],
  ['internal_error', 'provider_error'],
  ['client_cancelled', 'provider_canceled'],
  ['bad_request', 'invalid_input'],
] satisfies [string, ReasonCode][]);

/** Why a task failed. `status`: the one its result was answered with, where it is known. */
function failure(body: ErrorBody | undefined, status: number, said = errorText(body)): Reason {
  const { detail } = body ?? {};
  const type = body?.error_type ?? (Array.isArray(detail) ? detail[0]?.type : undefined) ?? '';
  const otherwise = status >= 500 ? 'provider_error' : 'provider_failed';
  return explain(REASON_OF.get(type) ?? (status === 422 ? 'invalid_input' : otherwise), said);
}

/** Answers that speak of the question, not of the task, unless a typed error says otherwise. */
const ABOUT_THE_QUESTION = new Set([401, 403, 404, 408, 429, 502, 503, 504]);

/**
 * The failure that a refused result tells of; undefined when nothing was said about the task. fal
 * serves a failed task's error where its result would be, so a typed error is a verdict whatever
 * its status, and a bare sentence is one under a status that no gateway uses.
 */
export function failureIn(answer: HttpAnswer): Outcome | undefined {
  const body = answer.peek(ErrorBody);
  if (!body || answer.status === 429) return undefined;
  const header = answer.headers['x-fal-error-type'];
  const error_type = body.error_type ?? (typeof header === 'string' ? header : undefined);
  const isTyped = error_type !== undefined || Array.isArray(body.detail);
  if (!isTyped && ABOUT_THE_QUESTION.has(answer.status)) return undefined;
  // Asked too early, the queue says so in a sentence. ASSUMPTION: in these words.
  if (!isTyped && /in progress/i.test(beginningOf(errorText(body)))) return undefined;
  const reason = failure({ ...body, error_type }, answer.status);
  // "Errors": whether the same request may succeed another time.
  const retryable = answer.headers['x-fal-retryable'];
  const isSaid = retryable === 'true' || retryable === 'false';
  const mayHelp = isSaid && { mayHelpToRetry: retryable === 'true' };
  return { verdict: 'failed', reason: { ...reason, ...mayHelp } };
}

const Unknown = z.object({ status: LooseText, detail: LooseText });

/**
 * Whether a 404 speaks of the request, and not of the path, the app, or somebody else. "Cancel" has
 * the status; ASSUMPTION: where a request is only asked about, a sentence says the same of it.
 */
export function saysNoSuchRequest(answer: HttpAnswer): boolean {
  const { status, detail } = answer.peek(Unknown) ?? {};
  return status === 'NOT_FOUND' || /^request\b.*\bnot found\b/i.test(beginningOf(detail));
}

/**
 * What a result was billed as, in the model's own unit (a picture, a second, a megapixel). fal's
 * guide to apps of one's own shows the header, and its client programs read it; read 2026-11-21.
 */
export function chargeIn(answer: HttpAnswer): Charge | undefined {
  const units = answer.headers['x-fal-billable-units'];
  if (typeof units !== 'string' || !/^\d{1,9}(\.\d{1,9})?$/.test(units)) return undefined;
  return { amount: Number(units), unit: 'units' };
}

/** "Webhooks": sent when the task has ended. The payload is the output, or an error. */
export const WebhookBody = z.object({
  request_id: TaskId,
  status: z.string(),
  payload: z.unknown().optional(),
  error: LooseText,
  payload_error: LooseText,
});

/**
 * What a delivery says. Without a result that can be used (`payload_error`: it could not be sent
 * along; or a file in place of its link), the task counts as live: the status check tells.
 */
export function observeDelivery(
  delivery: z.infer<typeof WebhookBody>,
  linksIn: LinksIn,
): Observation {
  const { payload, error, payload_error } = delivery;
  const status = statusWord(delivery.status);
  if (status === 'ok' && !payload_error) {
    const links = linksIn(payload);
    const isWhole = links.length > 0 && !links.some((link) => /^data:/i.test(link));
    if (isWhole) return { kind: 'final', outcome: completedWith(links) };
  }
  if (status === 'error' && !payload_error) {
    const body = ErrorBody.safeParse(payload).data;
    // "Webhooks" shows `Invalid status code: 422` as the error of a failed task.
    const code = Number(/\b[45]\d\d\b/.exec(beginningOf(error))?.[0] ?? 0);
    const reason = failure(body, code, errorText(body) ?? error ?? undefined);
    return { kind: 'final', outcome: { verdict: 'failed', reason } };
  }
  return { kind: 'live', status };
}
