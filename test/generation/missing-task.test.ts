import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/generation/decision.ts';
import type { GenerationEvent } from '../../src/generation/events.ts';
import { type Generation, type InState, isFinal } from '../../src/generation/generation.ts';
import { decide } from '../../src/generation/state-machine.ts';
import { EVENTS, minutes, NOW, RECORDS, rulesWith } from './fixtures.ts';

/** A video may take ten minutes. */
const RULES = rulesWith({
  poll: { giveUpAfterMs: minutes(10), everyMs: 15_000, longestMs: 15_000 },
});

const video = (changes: Partial<InState<'submitted'>> = {}): InState<'submitted'> => ({
  ...RECORDS.submitted,
  mode: 'polling',
  submittedAt: NOW,
  deadlineAt: NOW + minutes(10),
  ...changes,
});
const missingAt = (minute: number): GenerationEvent => ({
  type: 'observed-missing',
  askedAt: NOW + minutes(minute),
});
const liveAt = (minute: number): GenerationEvent => ({
  type: 'observed-live',
  source: 'poll',
  status: 'running',
  askedAt: NOW + minutes(minute),
});

function decideAt(generation: Generation, event: GenerationEvent, minute: number): Decision {
  return decide(generation, event, NOW + minutes(minute), RULES);
}

/** What a record comes to when its checks find no task at these minutes. */
function missedAt(at: readonly number[], from: Generation = video()): Generation {
  let generation = from;
  for (const minute of at) {
    const decision = decideAt(generation, missingAt(minute), minute);
    if ('ignored' in decision) throw new Error(decision.reason);
    generation = decision.next;
  }
  return generation;
}

test('one 404 at minute 3 does not end a ten-minute video, and its later webhook completes it', () => {
  for (const mode of ['hybrid', 'polling'] as const) {
    const missed = missedAt([3], video({ mode }));
    expect(missed).toMatchObject({ state: 'submitted', missingChecks: 1 });
    const decision = decideAt(missed, EVENTS['observed-final'], 6);
    expect(decision).toMatchObject({ next: { state: 'completed', via: 'webhook' } });
  }
});

describe('a task that its provider does not know is lost', () => {
  const LOST = { state: 'failed', reason: { code: 'task_lost' }, via: 'poll' };

  test('after three checks in a row, over three minutes, in the second half of its time', () => {
    expect(missedAt([4, 6, 7])).toMatchObject(LOST);
  });

  test.each([
    ['two checks', [4, 9]],
    ['within less than three minutes', [6, 7, 8.9]],
    ['in the first half of its time', [0, 1, 2, 3, 4, 4.9]],
  ])('but not after %s', (_what, at) => {
    expect(missedAt(at)).toMatchObject({ state: 'submitted', missingChecks: at.length });
  });

  test('where a webhook is expected, not before the deadline', () => {
    const hybrid = video({ mode: 'hybrid' });
    expect(missedAt([4, 6, 8, 9.9], hybrid)).toMatchObject({ state: 'submitted' });
    expect(missedAt([4, 6, 8, 10], hybrid)).toMatchObject(LOST);
  });

  test('and a deadline that comes first is waited over, not taken for it', () => {
    expect(missedAt([9, 10, 11.9])).toMatchObject({ state: 'submitted' });
    expect(missedAt([9, 10, 11.9, 12])).toMatchObject(LOST);
  });
});

test.each([
  ['a check', liveAt(5)],
  ['a webhook', { ...EVENTS['observed-live'], status: 'processing' }],
] as const)('an answer that it lives begins the count anew: %s', (_who, event) => {
  const missed = missedAt([3, 4], video({ providerStatus: 'processing' }));
  const decision = decideAt(missed, event, 5);
  if ('ignored' in decision) throw new Error(decision.reason);
  expect(decision.next).not.toHaveProperty('missingChecks');
  expect(decision.next).not.toHaveProperty('missingSince');
  expect(missedAt([6, 7, 8], decision.next)).toMatchObject({ state: 'submitted' });
});

test('a check without an answer says nothing of it either way', () => {
  const missed = missedAt([3, 4]);
  const decision = decideAt(missed, EVENTS['poll-failed'], 5);
  expect(decision).toMatchObject({ next: { missingChecks: 2, missingSince: NOW + minutes(3) } });
});

test('a task that stays missing ends in time, and does not wait for ever', () => {
  let generation: Generation = video({ mode: 'hybrid' });
  for (let polls = 0; !isFinal(generation); polls++) {
    expect(polls).toBeLessThan(60);
    const minute = (generation.dueAt - NOW) / minutes(1);
    generation = missedAt([minute], generation);
  }
  expect(generation.finishedAt).toBeLessThan(NOW + minutes(14));
});
