import { expect, test } from 'vitest';
import { attemptOf, type Unsuccessful } from '../../src/generation/generation.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import {
  type RedriveWay,
  redriven,
  redriveOnce,
  redriveWay,
} from '../../src/generation/redrive.ts';
import type { RepeatSubmit } from '../../src/generation/rules.ts';
import { decodeRecord, encodeRecord } from '../../src/store/record-format.ts';
import { minutes, NOW, RECORDS } from './fixtures.ts';

const reason = (code: string) => ({ code, message: '' });
const { task: _, submittedAt: __, ...taskless } = RECORDS.failed;

const GAVE_UP: Unsuccessful = { ...RECORDS.timed_out, via: 'deadline', reason: reason('gave_up') };
const UNKNOWN: Unsuccessful = {
  ...taskless,
  via: 'policy',
  reason: reason('outcome_unknown'),
  firstSentAt: NOW - minutes(30),
};
const REFUSED: Unsuccessful = { ...taskless, via: 'submit', reason: reason('invalid_input') };
const FAILED: Unsuccessful = { ...RECORDS.failed, via: 'poll', reason: reason('content_policy') };

const start = {
  id: newGenerationId(NOW),
  now: NOW,
  dueAt: NOW + 700,
  maxQueuedMs: minutes(10),
  giveUpAfterMs: minutes(2),
};
const way = (g: Unsuccessful, repeatSubmit: RepeatSubmit, payAgain = false, keyWindowMs = 0) =>
  redriveWay(g, { rules: { repeatSubmit, keyWindowMs }, dueAt: start.dueAt, payAgain });

const CLASSES = ['idempotency-key', 'unique-reference', 'search', 'none'] as const;

test.each(CLASSES)('%s: what was never accepted is submitted, what is known is checked', (c) => {
  expect(way(REFUSED, c)).toBe('submit_anew');
  expect(way(GAVE_UP, c)).toBe('check_again');
  expect(way(GAVE_UP, c, true)).toBe('check_again');
});

test.each(CLASSES)(
  '%s: what failed at the provider is paid again only if somebody says so',
  (c) => {
    expect(way(FAILED, c)).toBe('may_pay_twice');
    expect(way(FAILED, c, true)).toBe('submit_anew');
  },
);

const LOST: readonly [RepeatSubmit, windowMin: number, careful: RedriveWay, paying: RedriveWay][] =
  [
    ['idempotency-key', 31, 'same_key', 'same_key'],
    ['idempotency-key', 30, 'may_pay_twice', 'submit_anew'],
    ['unique-reference', 0, 'same_key', 'same_key'],
    ['search', 0, 'search', 'search'],
    ['none', 31, 'may_pay_twice', 'submit_anew'],
  ];

test.each(LOST)(
  '%s: an answer lost 30 min ago, key window %i min: %s',
  (c, min, careful, paying) => {
    expect(way(UNKNOWN, c, false, minutes(min))).toBe(careful);
    expect(way(UNKNOWN, c, true, minutes(min))).toBe(paying);
  },
);

test.each(CLASSES)('%s: no key, reference or search covers an earlier attempt', (c) => {
  expect(way({ ...UNKNOWN, attempt: 2 }, c, false, minutes(60))).toBe('may_pay_twice');
  expect(way({ ...UNKNOWN, attempt: 2 }, c, true, minutes(60))).toBe('submit_anew');
});

test('where it is not known when a key was first used, it counts from the creation', () => {
  const { firstSentAt: _firstSentAt, ...old } = { ...UNKNOWN, createdAt: NOW - minutes(40) };
  expect(way(old, 'idempotency-key', false, minutes(35))).toBe('may_pay_twice');
  expect(way(old, 'idempotency-key', false, minutes(41))).toBe('same_key');
});

test('a redrive asks for the same, under a new id that names the old one', () => {
  for (const [old, how] of [
    [REFUSED, 'submit_anew'],
    [GAVE_UP, 'check_again'],
    [UNKNOWN, 'same_key'],
    [UNKNOWN, 'search'],
  ] as const) {
    const begun = redriven(old, how, start);
    const { tenant, provider, model, input, metadata, callbackUrl } = old;
    expect(begun).toMatchObject({ tenant, provider, model, input, metadata, callbackUrl });
    expect(begun).toMatchObject({
      id: start.id,
      redriveOf: old.id,
      createdAt: NOW,
      dueAt: start.dueAt,
      attempt: 1,
      sends: 0,
    });
    if (begun) expect(decodeRecord(encodeRecord(begun))).toStrictEqual(begun);
  }
  expect(redriven(FAILED, 'may_pay_twice', start)).toBeUndefined();
});

test('a task that is known goes on being polled, with new patience, and nothing is sent', () => {
  expect(redriven(GAVE_UP, 'check_again', start)).toMatchObject({
    state: 'submitted',
    task: GAVE_UP.task,
    polls: 0,
    deadlineAt: start.dueAt + minutes(2),
  });
});

test('a lost answer goes on with the old attempt, its first use and what was prepared', () => {
  const begun = redriven({ ...UNKNOWN, attempt: 2, prepared: 'p' }, 'same_key', start);
  expect(begun).toMatchObject({
    state: 'unconfirmed',
    mode: 'polling',
    uncertain: true,
    firstSentAt: UNKNOWN.firstSentAt,
    prepared: 'p',
    goesOnWith: { id: UNKNOWN.id, attempt: 2, mode: 'hybrid' },
  });
});

test('a redrive of a redrive goes on with the very first attempt, until it makes one of its own', () => {
  const first = { id: newGenerationId(NOW), attempt: 1, mode: 'hybrid' as const };
  const old: Unsuccessful = { ...UNKNOWN, mode: 'polling', goesOnWith: first };
  const begun = redriven(old, 'same_key', start);
  expect(begun?.goesOnWith).toEqual(first);
  expect(begun && attemptOf(begun)).toEqual(first);
  const own = { id: old.id, attempt: 2, mode: 'polling' };
  expect(attemptOf({ ...old, attempt: 2 })).toEqual(own);
  expect(redriven({ ...old, attempt: 2 }, 'same_key', start)?.goesOnWith).toEqual(own);
  expect(redriven({ ...REFUSED, goesOnWith: first }, 'submit_anew', start)).not.toHaveProperty(
    'goesOnWith',
  );
});

test('the note of a redrive outlives every record, and is no key that an app could use', () => {
  const { key, lifetimeMs } = redriveOnce(UNKNOWN.id);
  expect(lifetimeMs).toBeGreaterThan(90 * 24 * 3_600_000);
  // A fingerprint has 43 characters.
  expect(key).toHaveLength(38);
});
