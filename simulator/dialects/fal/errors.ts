import type { Refusal, RefusalReason } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';

// Facts: fal, "Errors", "Request errors", "Cancel" and "Reliability", read 2026-11-21. What no
// document says is an ASSUMPTION.

/** An error of fal's own, not of the model. */
export function requestError(status: number, errorType: string, detail: string): Reply {
  const headers = { 'X-Fal-Error-Type': errorType };
  return { status, headers, body: { detail, error_type: errorType } };
}

/** For what fal has and the simulator has not. A 4xx, so that nobody tries again. */
export function notSupported(what: string): Reply {
  return { status: 404, body: { detail: `The simulator does not support ${what}.` } };
}

const BALANCE_EXHAUSTED = 'User is locked. Reason: Exhausted balance.';
const REFUSAL_STATUSES: Record<RefusalReason, number> = {
  ...USUAL_STATUSES,
  invalid: 422,
  'key-reused': 422,
  // "Reliability": the queue takes what is too much at once; only a scenario refuses it.
  'concurrency-limited': 429,
  // fal's issue tracker: a locked user.
  'out-of-credit': 403,
};

/** A refusal as fal words it. */
export function refuse(refusal: Refusal): Reply {
  const { reason, message } = refusal;
  const status = REFUSAL_STATUSES[reason];
  switch (reason) {
    case 'invalid':
      return { status, body: { detail: detailsOf(refusal) } };
    case 'out-of-credit':
      return { status, body: { detail: BALANCE_EXHAUSTED } };
    case 'server-error':
      return requestError(status, 'internal_error', message);
    case 'not-found':
      // "Cancel" names the status; other calls show the detail.
      return { status, body: { status: 'NOT_FOUND', detail: message } };
    default:
      return { status, body: { detail: message } };
  }
}

/** "Errors": one entry per mistake, `loc` being the way to it. */
function detailsOf({ message, mistakes }: Refusal): unknown[] {
  const all = mistakes ?? [{ path: ['body'], message, isMissing: false }];
  return all.map((mistake) => ({
    loc: mistake.path,
    msg: mistake.message,
    type: mistake.isMissing ? 'missing' : 'value_error',
  }));
}
