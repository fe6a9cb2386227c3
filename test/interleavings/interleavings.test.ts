import { expect, test } from 'vitest';
import { traceOf, walk } from './walk.ts';

/** Each seed is one schedule; `traceOf(seed)` plays it again and tells it step by step. */
const SCHEDULES = 100_000;

test('in every order of events, with a crash at any step: ended once, told once, never paid twice', {
  timeout: 240_000,
}, () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < SCHEDULES; seed++) {
    const { broken } = walk(seed, { seen });
    if (broken) expect.fail(`${broken}\n\n${traceOf(seed)}`);
  }
  // The walk goes everywhere, so that the rules are put to the test.
  expect([...seen].sort()).toEqual([
    'absence-proven',
    'cancel',
    'canceled',
    'completed',
    'crash',
    'dead job run again',
    'failed',
    'forged',
    'held back',
    'last check',
    'late result',
    'lost answer',
    'lost race',
    'lost reply of Redis',
    'parked',
    'queued',
    'redrive: check_again',
    'redrive: late_result',
    'redrive: may_pay_twice',
    'redrive: same_key',
    'redrive: search',
    'redrive: submit_anew',
    'stalled',
    'submit-accepted',
    'submit-deferred',
    'submit-rejected',
    'submitted',
    'submitting',
    'timed_out',
    'too late to call',
    'unconfirmed',
  ]);
});

test('a seed is one schedule: played again it is the same, step by step', () => {
  for (const seed of [1, 22, 333]) expect(traceOf(seed)).toBe(traceOf(seed));
  expect(traceOf(1)).not.toBe(traceOf(2));
});
