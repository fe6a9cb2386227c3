import { expect, test } from 'vitest';
import { alarmAt, balanceAsked, standingOf } from '../../src/generation/balance.ts';

const asked = (left: number, sent: number, before?: Parameters<typeof balanceAsked>[0]) =>
  balanceAsked(before, { left, sent, at: 0 });

test('the price is what was spent between two looks, by submission', () => {
  const first = asked(1_000, 0);
  expect(first.price).toBeUndefined();
  const second = asked(920, 10, first);
  expect(second.price).toBe(8);
  const dearer = asked(820, 15, second);
  expect(dearer.price).toBe(8 * 0.7 + 20 * 0.3);
});

test('a top-up, a refund and a look between submissions tell nothing of the price', () => {
  const known = asked(920, 10, asked(1_000, 0));
  for (const [left, sent] of [
    [2_000, 12],
    [920, 11],
    [900, 10],
  ] as const) {
    expect(asked(left, sent, known).price).toEqual(known.price);
  }
});

test('somebody is told when 20 more submissions cannot be paid', () => {
  const at8 = asked(920, 10, asked(1_000, 0));
  const standing = (left: number) => standingOf({ ...at8, left }, {}, 10);
  expect([161, 160, 159, 8, 7, 0].map(standing)).toEqual([
    ...['enough', 'enough', 'low', 'low', 'low', 'out'],
  ]);
  expect(alarmAt(at8, {})).toBe(160);
});

test('while no price is known, 20 units are little, and only nothing is too little', () => {
  const standing = (left: number) => standingOf(asked(left, 0), {}, 0);
  expect([20, 19, 1, 0, -1].map(standing)).toEqual(['enough', 'low', 'low', 'out', 'out']);
});

test('a price that was inferred holds nothing back: others may have spent it, or it was charged late', () => {
  // A hundred are charged for when one more has been accepted.
  const late = asked(900, 101, asked(1_000, 100));
  expect(late.price).toBe(100);
  expect(standingOf({ ...late, left: 99 }, {}, 101)).toBe('low');
});

test('the operator’s own figures count instead', () => {
  const standing = (left: number) => standingOf(asked(left, 0), { alarm: 500, floor: 100 }, 0);
  expect([500, 499, 100, 99].map(standing)).toEqual(['enough', 'low', 'low', 'out']);
});

test('what was submitted since the last look counts as spent', () => {
  const at8 = { ...asked(920, 10, asked(1_000, 0)), left: 24 };
  expect([10, 12, 13].map((sent) => standingOf(at8, {}, sent))).toEqual(['low', 'low', 'out']);
});
