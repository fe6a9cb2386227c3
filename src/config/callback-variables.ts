import { described, wholeNumber } from './variables.ts';

const DAY_MS = 24 * 3_600_000;
/** A callback is answered within this time, or its try has failed. */
export const CALLBACK_TIMEOUT_MS = 15_000;

/** How callbacks share the workers, so that one tenant's slow endpoint is nobody else's wait. */
export const callbackVariables = {
  CALLBACKS_PER_HOST: described(wholeNumber(4, { min: 1, max: 200 }), {
    about: 'Callbacks of one tenant under way to one host at once, all workers together.',
  }),
  CALLBACKS_PER_TENANT: described(wholeNumber(8, { min: 1, max: 200 }), {
    about: 'Callbacks of one tenant under way at once, all workers together.',
  }),
  CALLBACK_CONCURRENCY: described(wholeNumber(100, { min: 1, max: 1_000 }), {
    about: 'Callbacks one worker process has under way, to endpoints that answer.',
  }),
  CALLBACK_SLOW_CONCURRENCY: described(wholeNumber(25, { min: 1, max: 1_000 }), {
    about: 'The same in the slow lane, where endpoints are called that were slow or failed.',
  }),
  CALLBACK_FAST_TIMEOUT_MS: described(wholeNumber(5_000, { min: 100, max: CALLBACK_TIMEOUT_MS }), {
    about: 'A callback not answered by then is tried again in the slow lane, with 15 s to answer.',
  }),
  CALLBACK_FAILURES: described(wholeNumber(5, { min: 1, max: 20 }), {
    about: 'So many failed events in a row move all callbacks to that host into the slow lane.',
  }),
  CALLBACK_DISABLE_AFTER_MS: described(wholeNumber(3 * DAY_MS, { min: 1_000, max: 30 * DAY_MS }), {
    about: 'A host that only failed for so long is called no more until its tenant enables it.',
  }),
} as const;
