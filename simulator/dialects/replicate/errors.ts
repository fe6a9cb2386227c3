import type { Refusal, RefusalReason } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { MODELS } from './models.ts';

// Facts: as in dialect.ts.

const REFUSALS: Record<RefusalReason, { status: number; title: string }> = {
  unauthorized: { status: 401, title: 'Unauthenticated' },
  invalid: { status: 422, title: 'Input validation failed' },
  'too-large': { status: 413, title: 'Payload too large' },
  'not-found': { status: 404, title: 'Not found' },
  // No idempotency keys here, so a key cannot be reused; named to keep the table whole.
  'key-reused': { status: 422, title: 'Input validation failed' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  // No such limit is documented.
  'concurrency-limited': { status: 429, title: 'Too many requests' },
  'out-of-credit': { status: 402, title: 'Payment required' },
  'server-error': { status: 500, title: 'Internal server error' },
  'html-page': { status: 502, title: 'Bad gateway' },
};

/** A refusal as Replicate words it. */
export function refuse({ reason, message, retryAfterSeconds = 1 }: Refusal): Reply {
  const { status, title } = REFUSALS[reason];
  if (status !== 429) return { status, body: { title, detail: message, status } };
  const wait = `Expected available in ${retryAfterSeconds} second${retryAfterSeconds === 1 ? '' : 's'}.`;
  return { status, body: { detail: `Request was throttled. ${wait}` } };
}

/** A 4xx on purpose: the official SDK repeats what is answered with a 5xx. */
export function notSupported(what: string): Reply {
  const detail = `The simulator does not support ${what}.`;
  return { status: 404, body: { title: 'Not supported by the simulator', detail, status: 404 } };
}

/** At Replicate a model of that name may well exist. */
export function otherModel(name: string): Reply {
  const community = MODELS.find((model) => model.name === name);
  if (community) return notSupported(`${name} by its name alone: add :${community.version}`);
  return notSupported(`${name}: it has ${MODELS.map((model) => model.name).join(', ')}`);
}
