import { type CallTrouble, CatwalkError, OutcomeUnknown, Retryable } from '../generation/errors.ts';
import type { CallKind } from './http-answer.ts';

/** Cause of the error for an answer with more bytes than are read. */
export class AnswerTooLarge extends Error {}

/** Cause of the error for a call that took longer than it may. */
export class DeadlinePassed extends Error {}

/**
 * The error of a call without a whole answer: what its failure means for whoever made it.
 * @param call.name method and origin, for the message.
 * @param call.started whether a byte of it may have reached the server.
 * @param failure absent when the connection ended without one.
 */
export function callError(
  call: { readonly kind: CallKind; readonly name: string; readonly started: boolean },
  failure?: Error,
): CatwalkError {
  // Our own verdict from deeper down, such as the outbound agent's on a private address.
  if (failure instanceof CatwalkError) return failure;
  const why = failure === undefined ? 'the connection ended' : reasonOf(failure);
  const details = { cause: failure, met: troubleOf(failure) };
  if (call.kind === 'submit' && call.started) {
    return new OutcomeUnknown('no_answer', `${call.name}: sent, but ${why}`, details);
  }
  return new Retryable('unavailable', `${call.name}: ${why}`, details);
}

/** Undefined for an end that is nobody's trouble but ours: given up, or more bytes than are read. */
function troubleOf(failure: Error | undefined): CallTrouble | undefined {
  if (failure instanceof DeadlinePassed) return 'timeout';
  const isConnection = failure === undefined || systemCodeOf(failure) !== undefined;
  return isConnection ? 'unreachable' : undefined;
}

/** A system error's code says it all and, unlike its message, holds nothing of the URL. */
function reasonOf(failure: Error): string {
  return systemCodeOf(failure) ?? failure.message;
}

function systemCodeOf(failure: Error): string | undefined {
  return 'code' in failure && typeof failure.code === 'string' ? failure.code : undefined;
}
