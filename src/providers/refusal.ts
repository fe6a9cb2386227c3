import { OutcomeUnknown, Retryable, Terminal } from '../generation/errors.ts';
import type { DeferReason } from '../generation/hold-reasons.ts';
import type { HttpAnswer } from '../outbound/http-client.ts';
import { LONGEST_RETRY_AFTER_MS, retryAfterMs } from '../outbound/retry-after.ts';
import { readStatedLimit, usedUpForMs } from '../outbound/stated-limits.ts';
import { explain } from './reasons.ts';

/**
 * What an answer other than 2xx means, where a provider documents nothing better. An adapter looks
 * at the statuses and bodies that mean something special to its provider first, and hands the rest
 * to `refusal`.
 */

/** A refused key or a wrong address needs a person; until then, about once a minute. */
const OPERATOR_RETRY_MS = 60_000;

/** Statuses with which a provider says that the request itself is wrong. */
const INVALID_INPUT = new Set([400, 413, 414, 415, 422]);

/**
 * The error for a refused call. Of a call that is safe to retry it is always `Retryable`: a status
 * check that fails is not a generation that failed. `said` is the provider's own sentence, told to
 * the app with a verdict.
 */
export function refusal(
  answer: HttpAnswer,
  said?: string | undefined,
): Retryable | Terminal | OutcomeUnknown {
  const { status, kind } = answer;
  if (status === 401 || status === 403) {
    return deferral(answer, 'unauthorized', OPERATOR_RETRY_MS);
  }
  if (status === 402) return deferral(answer, 'out_of_credit');
  if (status === 429) return deferral(answer, 'rate_limited');
  if (kind === 'safe-to-retry') return deferral(answer, 'unavailable');
  if (isUncertain(status)) {
    const met = `http_${status}` as const;
    return new OutcomeUnknown('no_answer', `${answer.call} answered ${status}`, { met });
  }
  // A redirect means a wrong base URL: nothing was accepted, and only the operator can mend it.
  if (status < 400) return deferral(answer, 'unavailable', OPERATOR_RETRY_MS);
  const code = INVALID_INPUT.has(status) ? 'invalid_input' : 'provider_rejected';
  return new Terminal(code, explain(code, said).message, { answered: true });
}

/**
 * "Not now": certainly not accepted, or free of effects. Waits as long as Retry-After says, or else
 * the headers of a limit that is used up, and no less than `atLeastMs`, which is also for providers
 * that name the time elsewhere than in the header.
 */
export function deferral(answer: HttpAnswer, reason: DeferReason, atLeastMs = 0): Retryable {
  const now = Date.now();
  const given =
    retryAfterMs(answer.headers['retry-after'], now) ??
    usedUpForMs(readStatedLimit(answer.headers, now), now) ??
    0;
  const wait = Math.min(Math.max(given, atLeastMs), LONGEST_RETRY_AFTER_MS);
  return new Retryable(reason, `${answer.call} answered ${answer.status}: ${reason}`, {
    retryAfterMs: wait > 0 ? wait : undefined,
    met: `http_${answer.status}`,
    // To a call that is safe to retry, such as one for a token, it has not said anything about the submission.
    answered: answer.kind === 'submit',
  });
}

/**
 * After these a submission may have been accepted all the same: every 5xx, a proxy that lost
 * patience (408), a conflict with a request that may be our own (409), "see the result there" (303).
 */
function isUncertain(status: number): boolean {
  return status >= 500 || status === 408 || status === 409 || status === 303;
}
