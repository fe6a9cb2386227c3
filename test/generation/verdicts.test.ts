import { expect, test } from 'vitest';
import { GenerationEvent } from '../../src/generation/events.ts';
import { Generation } from '../../src/generation/generation.ts';
import { reasonClass } from '../../src/generation/reason-class.ts';
import { redriveWay } from '../../src/generation/redrive.ts';
import { VERDICTS } from '../../src/generation/verdicts.ts';
import { EVENTS, NOW, RECORDS } from './fixtures.ts';

/** Written by hand: what stored records say, and what each has meant since the first release. */
const STORED = [
  ['not_sent_in_time', 'timed_out', 'deadline', 'never_accepted', 'submit_anew'],
  ['gave_up', 'timed_out', 'deadline', 'task_known', 'check_again'],
  ['task_lost', 'failed', 'poll', 'task_known', 'check_again'],
  ['outcome_unknown', 'failed', 'policy', 'outcome_unknown', 'may_pay_twice'],
  ['canceled_by_app', 'canceled', 'cancel', 'provider_failed', 'may_pay_twice'],
] as const;
const RULES = { repeatSubmit: 'none', keyWindowMs: 0 } as const;

test.each(STORED)('a stored %s is still ours, and a redrive of it pays what it did', (...row) => {
  const [code, state, via, kind, way] = row;
  const stored = { ...RECORDS[state], via, reason: { code, message: 'as it was' } };
  const read = Generation.parse(JSON.parse(JSON.stringify(stored)));
  if (!('reason' in read)) throw new Error(`it is ${read.state}`);
  expect(reasonClass(read)).toBe(kind);
  expect(redriveWay(read, { rules: RULES, dueAt: NOW, payAgain: false })).toBe(way);
});

test('each verdict of ours stands in the table above, and is ended, learned and classed as there', () => {
  const ours = Object.entries(VERDICTS).map(([code, { outcome, via, class: kind }]) => {
    return [code, outcome, via, kind];
  });
  expect(ours.sort()).toEqual(STORED.map((row) => row.slice(0, 4)).sort());
});

test('a word of another release is read and kept: of how it was learned, and of why it waits', () => {
  const ended = { ...RECORDS.failed, via: 'audit' };
  const hold = { reason: 'budget_spent', until: NOW };
  const kept = (record: object) => Generation.parse(JSON.parse(JSON.stringify(record)));
  expect(kept(ended)).toStrictEqual(ended);
  expect(kept({ ...RECORDS.queued, hold })).toStrictEqual({ ...RECORDS.queued, hold });
  for (const event of [EVENTS.held, EVENTS['submit-deferred']]) {
    const other = { ...event, reason: 'budget_spent' };
    expect(GenerationEvent.parse(other)).toStrictEqual(other);
  }
});
