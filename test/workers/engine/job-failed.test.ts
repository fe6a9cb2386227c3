import { expect, test } from 'vitest';
import { DELIVERY_BACKOFF_MS } from '../../../src/config/queues.ts';
import { deliveryBackoff } from '../../../src/workers/engine/job-failed.ts';

test.each([0, 1, 3, 20])(
  'a job that was moved after %d tries waits as long as one that stayed',
  (tries) => {
    const job = { data: { moved: { times: 1, tries, stays: false } } };
    const usual = DELIVERY_BACKOFF_MS[Math.min(tries, DELIVERY_BACKOFF_MS.length - 1)] ?? 0;
    const waitMs = deliveryBackoff(1, undefined, undefined, job);
    expect(waitMs).toBeGreaterThanOrEqual(0.8 * usual);
    expect(waitMs).toBeLessThanOrEqual(1.2 * usual);
  },
);

test.each([undefined, null, 7, {}, { moved: null }, { moved: { tries: 'many' } }])(
  'whatever the data of a job is, its wait can be told: %j',
  (data) => {
    expect(deliveryBackoff(1, undefined, undefined, { data })).toBeLessThanOrEqual(1_200);
  },
);
