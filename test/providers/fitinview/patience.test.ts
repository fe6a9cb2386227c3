import { expect, test } from 'vitest';
import { pollProfileFor } from '../../../src/config/poll-profiles.ts';
import type { Generation } from '../../../src/generation/generation.ts';
import { decide } from '../../../src/generation/state-machine.ts';
import { TRYON } from '../../../src/providers/fitinview/wire.ts';
import { minutes, NOW, RECORDS, rulesWith } from '../../generation/fixtures.ts';

/** "Webhooks vs Polling", read 2026-11-20: 1 s, doubling to 16 s. */
const poll = pollProfileFor(
  TRYON.type,
  { provider: 'fitinview', name: 'tryon', recommended: TRYON.poll },
  {},
);

test('a job that takes four minutes is waited for: patience is a time, not ten polls', () => {
  const rules = rulesWith({ poll });
  let now = NOW;
  let polls = 0;
  let generation: Generation = { ...RECORDS.unconfirmed, mode: 'polling' };
  for (;;) {
    const event =
      polls === 0 && generation.state !== 'submitted'
        ? ({ type: 'submit-accepted', task: { id: 'job_1' } } as const)
        : ({ type: 'observed-live', source: 'poll', status: 'running', askedAt: now } as const);
    const decision = decide(generation, event, now, rules);
    if ('ignored' in decision) throw new Error(decision.reason);
    generation = decision.next;
    if (generation.state !== 'submitted') break;
    now = generation.dueAt;
    polls += 1;
  }
  expect(generation).toMatchObject({ state: 'timed_out', reason: { code: 'gave_up' } });
  expect(now - NOW).toBeGreaterThanOrEqual(minutes(5));
  expect(now - NOW).toBeLessThan(minutes(5.5));
  expect(polls).toBeGreaterThan(10);
});
