import { expect, test } from 'vitest';
import type { GenerationEvent } from '../../src/generation/events.ts';
import type { Generation, Outcome } from '../../src/generation/generation.ts';
import { BELIEVED_AFTER_MS } from '../../src/generation/signed-word.ts';
import { decide } from '../../src/generation/state-machine.ts';
import { minutes, NOW, RECORDS, rulesWith } from './fixtures.ts';

const RULES = rulesWith({ poll: { giveUpAfterMs: minutes(10) } });
const { submitted } = RECORDS;
const taskId = submitted.task.id;
const made: Outcome = {
  verdict: 'completed',
  results: [{ kind: 'file', url: 'https://cdn.example/1' }],
};
const spoilt: Outcome = { verdict: 'failed', reason: { code: 'provider_failed', message: '' } };
const hint = (outcome: Outcome, task = taskId): GenerationEvent => ({
  type: 'hint',
  taskId: task,
  said: { outcome },
});
const FAILED: GenerationEvent = { type: 'poll-failed' };
const missing = (askedAt: number): GenerationEvent => ({ type: 'observed-missing', askedAt });
const live = (askedAt: number): GenerationEvent => ({
  type: 'observed-live',
  source: 'poll',
  status: 'processing',
  askedAt,
});

/** The record after these events, each at its moment after NOW. */
function after(...told: readonly (readonly [atMs: number, event: GenerationEvent])[]): Generation {
  let generation: Generation = { ...submitted, deadlineAt: NOW + minutes(10) };
  for (const [atMs, event] of told) {
    const decision = decide(generation, event, NOW + atMs, RULES);
    if (!('ignored' in decision)) generation = decision.next;
  }
  return generation;
}

test('what is signed asks for a check at once, and decides nothing yet', () => {
  expect(after([0, hint(made)])).toMatchObject({ state: 'submitted', dueAt: NOW });
  expect(after([0, hint(made)], [1_000, FAILED])).toMatchObject({ state: 'submitted' });
  expect(after([0, hint(made)], [1_000, missing(NOW + 1_000)])).toMatchObject({
    state: 'submitted',
  });
});

test.each([
  ['checks that fail', () => FAILED],
  ['checks that do not know the task', missing],
] as const)('with %s for minutes, what was signed is believed', (_name, event) => {
  const told = [0, 60_000, 120_000, BELIEVED_AFTER_MS].map(
    (atMs) => [atMs + 1, event(NOW + atMs)] as const,
  );
  const beforeIt = after([0, hint(made)], ...told.slice(0, -1));
  expect(beforeIt.state).toBe('submitted');
  expect(after([0, hint(made)], ...told)).toMatchObject({
    state: 'completed',
    via: 'webhook',
    results: [{ url: 'https://cdn.example/1' }],
  });
  expect(after([0, hint(spoilt)], ...told)).toMatchObject({
    state: 'failed',
    reason: { code: 'provider_failed' },
  });
});

test('the check is the authority wherever it can tell', () => {
  const truth: GenerationEvent = { type: 'observed-final', source: 'poll', outcome: made, taskId };
  expect(after([0, hint(spoilt)], [1_000, truth])).toMatchObject({ state: 'completed' });
});

test('a check that finds the task alive denies what was signed before: it was another’s', () => {
  const denied = after([0, hint(made)], [1_000, live(NOW + 500)]);
  expect(denied).not.toHaveProperty('said');
  expect(after([0, hint(made)], [1_000, live(NOW - 500)])).toHaveProperty('said');
});

test('of several signed words the first stays, save that a result counts more', () => {
  const word = (...told: Outcome[]) =>
    after(...told.map((outcome, n) => [n * 1_000, hint(outcome)] as const));
  expect(word(spoilt, made)).toMatchObject({ said: { outcome: made, at: NOW } });
  expect(word(made, spoilt)).toMatchObject({ said: { outcome: made, at: NOW } });
});

test('a failure of another attempt’s task is nobody’s word about this one; its result is', () => {
  expect(after([0, hint(spoilt, 'older')])).not.toHaveProperty('said');
  expect(after([0, hint(made, 'older')])).toMatchObject({ said: { outcome: made } });
});

test('a signed word that came before the submit answer is kept with what it adopts', () => {
  const decision = decide(RECORDS.submitting, hint(made, 'new'), NOW, RULES);
  expect(decision).toMatchObject({
    next: { state: 'submitted', task: { id: 'new' }, said: { outcome: made, at: NOW } },
  });
});
