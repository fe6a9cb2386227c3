import { describe, expect, test } from 'vitest';
import { chargeOf, lateChargeOf, providerTaskIdOf, reasonOf } from '../../src/generation/advice.ts';
import { lateResultEvent } from '../../src/generation/completion-event.ts';
import type { Unsuccessful } from '../../src/generation/generation.ts';
import { VERDICTS, type VerdictCode } from '../../src/generation/verdicts.ts';
import { minutes, RECORDS } from './fixtures.ts';

const { failed, completed, submitted, queued } = RECORDS;
const ended = (code: VerdictCode): Unsuccessful => {
  const { outcome, via, sentence } = VERDICTS[code];
  return { ...failed, state: outcome, via, reason: { code, message: sentence } };
};
const retry = (g: Unsuccessful) => reasonOf(g).retry;

describe('whether asking again may help', () => {
  const inMs = (ms: number) => new Date(failed.finishedAt + ms).toISOString();

  test.each([
    ['not_sent_in_time', { mayHelp: true, notBefore: inMs(minutes(5)) }],
    ['gave_up', { mayHelp: true, notBefore: inMs(minutes(15)) }],
    ['task_lost', { mayHelp: true, notBefore: inMs(0) }],
    ['outcome_unknown', { mayHelp: null, notBefore: null }],
    ['canceled_by_app', { mayHelp: null, notBefore: null }],
  ] as const)('after our own %s', (code, advice) => {
    expect(retry(ended(code))).toEqual(advice);
  });

  test.each([true, false])(
    'is the adapter’s word where the provider gave the verdict: %s',
    (may) => {
      const reason = { ...failed.reason, mayHelpToRetry: may };
      expect(reasonOf({ ...failed, reason })).toEqual({
        ...failed.reason,
        retry: { mayHelp: may, notBefore: null },
      });
    },
  );

  test('is not known where the adapter does not say, also when it uses a word of ours', () => {
    expect(retry(failed)).toEqual({ mayHelp: null, notBefore: null });
    const theirs = { ...ended('gave_up'), via: 'webhook' as const };
    expect(retry(theirs)).toEqual({ mayHelp: null, notBefore: null });
  });
});

describe('what was charged', () => {
  const charge = { amount: 3, unit: 'credits' };
  const listPrice = '2 to 5 credits per picture';

  test('is what the provider reported, also when there is a list price', () => {
    const reported = { amount: 3, unit: 'credits', source: 'reported' };
    expect(chargeOf({ ...completed, charge, listPrice })).toEqual(reported);
    expect(chargeOf({ ...submitted, charge })).toEqual(reported);
  });

  test('is else the list price, which is said to be one', () => {
    expect(chargeOf({ ...completed, listPrice })).toEqual({ listPrice, source: 'list' });
    expect(chargeOf(completed)).toBeNull();
  });

  test('is nothing for a test, and where nothing is known to be accepted', () => {
    expect(chargeOf({ ...completed, charge, listPrice, isTest: true })).toBeNull();
    expect(chargeOf({ ...queued, listPrice })).toBeNull();
    const { task: _, ...unknown } = { ...ended('outcome_unknown'), listPrice };
    expect(chargeOf(unknown)).toBeNull();
  });

  test('is known of one that nobody knew to be accepted when the late truth comes', () => {
    const { task: _, ...unknown } = { ...ended('outcome_unknown'), listPrice };
    const outcome = { verdict: 'completed' as const, results: [] };
    const late = { outcome, at: 1, via: 'webhook' as const, taskId: 'task-9' };
    expect(lateChargeOf(unknown, late)).toEqual({ listPrice, source: 'list' });
    const reported = { amount: 3, unit: 'credits', source: 'reported' };
    expect(lateChargeOf(unknown, { ...late, charge })).toEqual(reported);
    expect(lateResultEvent(unknown, { ...late, charge }, []).data).toMatchObject({
      ...{ charge: reported, providerTaskId: 'task-9' },
      ended: { outcome: 'failed', reason: { code: 'outcome_unknown', retry: { mayHelp: null } } },
    });
  });

  test('is nothing for a redrive that looks again at a task which is paid for', () => {
    const again = { ...completed, listPrice, sends: 0, redriveOf: queued.id };
    expect(chargeOf(again)).toBeNull();
    const goesOnWith = { id: queued.id, attempt: 1, mode: 'hybrid' as const };
    expect(chargeOf({ ...again, goesOnWith })).toEqual({ listPrice, source: 'list' });
  });
});

test('the provider’s task is named once there is one', () => {
  const named = [queued, submitted, completed].map(providerTaskIdOf);
  expect(named).toEqual([null, 'task-1', 'task-1']);
});
