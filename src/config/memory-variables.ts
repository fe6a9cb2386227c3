import { z } from 'zod';
import { MOST_DEAD_LETTERS } from './queues.ts';
import { described, wholeNumber } from './variables.ts';

const DAY_MS = 24 * 3_600_000;

/** The variables of what Redis's memory is spent on. */
export const memoryVariables = {
  RETENTION_MS: described(wholeNumber(7 * DAY_MS, { min: 60_000, max: 90 * DAY_MS }), {
    about: 'How long a finished generation can be read, and tried again by `redrive`.',
  }),
  MEMORY_BRAKE: described(z.coerce.number().min(0).max(0.95).default(0.8), {
    about:
      'Share of Redis’s `maxmemory` above which new generations are refused (503 ' +
      '`redis_memory_full`); 0: never.',
  }),
  DEAD_LETTERS: described(wholeNumber(10_000, { min: 10, max: MOST_DEAD_LETTERS }), {
    about:
      'Jobs kept in each queue that were given up, the newest; and jobs kept for a subscriber that ' +
      'nobody runs.',
  }),
  SUBSCRIBER_ABANDONED_MS: described(
    wholeNumber(7 * DAY_MS, { min: 3_600_000, max: 90 * DAY_MS }),
    {
      about: 'After this long without a process that runs it, a subscriber counts as abandoned.',
    },
  ),
} as const;
