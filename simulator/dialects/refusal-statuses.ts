import type { RefusalReason } from '../contract/refusal.ts';

/**
 * What most providers answer; a dialect names what differs at its own. A key cannot be reused where
 * there are none: it is here so that the table is whole.
 */
export const USUAL_STATUSES: Readonly<Record<RefusalReason, number>> = {
  unauthorized: 401,
  invalid: 400,
  'too-large': 413,
  'not-found': 404,
  'key-reused': 400,
  'rate-limited': 429,
  'concurrency-limited': 429,
  'out-of-credit': 402,
  'server-error': 500,
  'html-page': 502,
};
