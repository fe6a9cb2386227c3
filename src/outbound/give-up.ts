import { DeadlinePassed } from './call-failure.ts';

export function givenUpByCaller(): Error {
  return new Error('given up by the caller');
}

/**
 * Calls `giveUp` once the deadline passes or a signal aborts, whichever comes first; perhaps again
 * for the other. A signal that has aborted already is not heard.
 * @returns what stops it; to be called when the call is over, because signals outlive calls.
 */
export function giveUpWhen(
  { timeoutMs, signals }: { timeoutMs: number; signals: readonly AbortSignal[] },
  giveUp: (why: Error) => void,
): () => void {
  const onAbort = () => giveUp(givenUpByCaller());
  const deadline = setTimeout(
    () => giveUp(new DeadlinePassed(`no whole answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(deadline);
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
  };
}
