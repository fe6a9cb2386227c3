import { InvalidRequest, Retryable, Terminal } from '../../generation/errors.ts';
import type { DeferReason } from '../../generation/hold-reasons.ts';
import type { SubmissionResult } from '../../store/circuit.ts';
import type { Refusal } from './refusal-event.ts';

/** What a try at submitting came to, and what that says of the provider, for its model's circuit. */
export interface SubmissionEnd extends Refusal {
  readonly result: SubmissionResult;
}

/** How a try at submitting went wrong: refused for good, nobody knows, or why not now. */
type Failing = 'rejected' | 'unknown' | DeferReason;

/**
 * What each says of the provider, for its model's circuit. `answered`: the provider itself said so,
 * about this request. Whatever it answers, yes, no or not now, proves that it is there, except that
 * it is down; whether it takes anything for our account is another question. `unasked`: our own finding, before or without its answer.
 */
const RESULTS: Readonly<
  Record<Failing, { answered: SubmissionResult; unasked: SubmissionResult }>
> = {
  // Unasked: our own check of the input, or a picture that cannot be loaded.
  rejected: { answered: 'success', unasked: 'ignored' },
  rate_limited: { answered: 'success', unasked: 'ignored' },
  concurrency_limited: { answered: 'success', unasked: 'ignored' },
  // Unasked: no access token was to be had, so nothing could be submitted with it.
  out_of_credit: { answered: 'out_of_credit', unasked: 'out_of_credit' },
  unauthorized: { answered: 'unauthorized', unasked: 'unauthorized' },
  // Unasked: nobody listens there, or nothing could be sent in time.
  unavailable: { answered: 'failure', unasked: 'failure' },
  image_unavailable: { answered: 'ignored', unasked: 'ignored' },
  // A 5xx or an answer that cannot be read says no more than silence. An error that we do not
  // recognise counts as well: the next generations would be lost to it in the same way.
  unknown: { answered: 'failure', unasked: 'failure' },
};

/** @param isStopping what was given up because this process stops says nothing of the provider. */
export function resultOf(error: unknown, isStopping: boolean): SubmissionResult {
  const isAnswered = (error instanceof Terminal || error instanceof Retryable) && error.answered;
  const result = RESULTS[failingOf(error)][isAnswered ? 'answered' : 'unasked'];
  return isStopping && result === 'failure' ? 'ignored' : result;
}

function failingOf(error: unknown): Failing {
  if (error instanceof Retryable) return error.code;
  return error instanceof Terminal || error instanceof InvalidRequest ? 'rejected' : 'unknown';
}
