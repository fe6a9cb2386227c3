import { InvalidRequest, Retryable, Terminal } from '../generation/errors.ts';
import { DEFER_REASONS } from '../generation/hold-reasons.ts';
import { LONGEST_RETRY_AFTER_MS } from '../outbound/retry-after.ts';
import { cutMessage, MAX_CODE } from './adapter-answers.ts';
import { AdapterDefect } from './adapter-defect.ts';

/**
 * What an adapter threw, fit to be acted on. Its class stands, for that is what the adapter promises
 * ("certainly not accepted", "refused for good"); what comes with it and is absurd is left out: an
 * unknown reason counts as `unavailable`, a wait that is none, or is over a day, as no wait. Whatever
 * is no error of ours is answered as it is.
 */
export function checkedError(error: unknown, provider: string, call: string): unknown {
  if (error instanceof Retryable) return checkedRetryable(error, provider, call);
  if (error instanceof Terminal || error instanceof InvalidRequest) return checkedRefusal(error);
  return error;
}

function checkedRetryable(error: Retryable, provider: string, call: string): Retryable {
  const { code, message, retryAfterMs, ifItLasts } = error;
  const isKnown = DEFER_REASONS.includes(code);
  const isWait = retryAfterMs === undefined || isSaneWait(retryAfterMs);
  const isEnd = ifItLasts === undefined || ifItLasts instanceof Terminal;
  if (isKnown && isWait && isEnd && !(ifItLasts && isOddRefusal(ifItLasts))) return error;
  const why = isKnown ? 'its wait or its verdict is none' : 'its reason is not known';
  return new Retryable(isKnown ? code : 'unavailable', cutMessage(String(message)), {
    retryAfterMs: isWait ? retryAfterMs : undefined,
    ifItLasts: isEnd && ifItLasts ? asTerminal(ifItLasts) : undefined,
    answered: error.answered,
    met: error.met,
    cause: new AdapterDefect(provider, call, `threw a Retryable, but ${why}`),
  });
}

/** Of milliseconds from now. */
function isSaneWait(ms: unknown): boolean {
  return typeof ms === 'number' && ms >= 0 && ms <= LONGEST_RETRY_AFTER_MS;
}

function checkedRefusal(error: Terminal | InvalidRequest): Terminal | InvalidRequest {
  return isOddRefusal(error) ? asTerminal(error) : error;
}

/** Code and message of a refusal become the generation's reason. */
function isOddRefusal({ code, message }: Terminal | InvalidRequest): boolean {
  return !isCode(code) || cutMessage(String(message)) !== message;
}

function asTerminal(error: Terminal | InvalidRequest): Terminal {
  const { code, message } = error;
  const answered = error instanceof Terminal && error.answered;
  return new Terminal(isCode(code) ? code : 'provider_rejected', cutMessage(String(message)), {
    answered,
  });
}

function isCode(code: unknown): code is string {
  return typeof code === 'string' && code !== '' && code.length <= MAX_CODE;
}
