import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type FoundLimit,
  limitAt,
  lowered,
  paced,
  submitCeiling,
} from '../../src/generation/found-limit.ts';

const MINUTE = 60_000;
const bounds = (ceiling: number) => ({ ceiling, windowMs: MINUTE });

test('a refusal halves what was in force, once in a window', () => {
  const first = lowered(undefined, bounds(60), { now: 1_000, sentAt: 900, accepted: 0 });
  expect(first).toEqual({ limit: 30, since: 1_000, refusedAt: 60 });
  const again = (sentAt: number) =>
    lowered(first, bounds(60), { now: sentAt + 50, sentAt, accepted: 0 });
  expect(again(61_000)).toBeUndefined();
  expect(again(61_001)?.limit).toBeCloseTo(33 / 2, 1);
});

test('what was just accepted is not given up, but a refusal always lowers it a little', () => {
  const after = (accepted: number) =>
    lowered(undefined, bounds(60), { now: 1_000, sentAt: 900, accepted })?.limit;
  expect([10, 40, 59, 100].map(after)).toEqual([30, 40, 54, 54]);
});

test('it comes back by a twentieth of the ceiling a window, and slowly near what was refused', () => {
  const found: FoundLimit = { limit: 30, since: 0, refusedAt: 40 };
  expect(limitAt(found, bounds(60), 0)).toBe(30);
  expect(limitAt(found, bounds(60), MINUTE)).toBe(33);
  expect(limitAt(found, bounds(60), 2 * MINUTE)).toBe(36);
  expect(limitAt(found, bounds(60), 3 * MINUTE)).toBeCloseTo(36.15);
  expect(limitAt(found, bounds(60), 1_000 * MINUTE)).toBe(60);
});

const moment = fc.integer({ min: 0, max: 1e9 });
const foundLimit = fc.record({
  limit: fc.double({ min: 1, max: 1_000, noNaN: true }),
  since: moment,
  refusedAt: fc.double({ min: 1, max: 2_000, noNaN: true }),
});

test('it never is above the ceiling or below 1, and grows with time', () => {
  fc.assert(
    fc.property(
      foundLimit,
      fc.integer({ min: 1, max: 1_000 }),
      moment,
      moment,
      (found, c, a, b) => {
        const [sooner, later] = [Math.min(a, b), Math.max(a, b)].map((at) =>
          limitAt(found, bounds(c), at),
        ) as [number, number];
        expect(sooner).toBeGreaterThanOrEqual(1);
        expect(later).toBeLessThanOrEqual(Math.max(c, 1));
        expect(later).toBeGreaterThanOrEqual(sooner);
      },
    ),
  );
});

test('a refusal never raises it', () => {
  fc.assert(
    fc.property(foundLimit, fc.integer({ min: 1, max: 1_000 }), moment, (found, c, later) => {
      const now = found.since + later;
      const next = lowered(found, bounds(c), { now, sentAt: now, accepted: c });
      expect(next === undefined).toBe(later <= MINUTE);
      const before = limitAt(found, bounds(c), now);
      expect(limitAt(next ?? found, bounds(c), now)).toBeLessThanOrEqual(before);
    }),
  );
});

test('it stays near a true limit that never moves: most windows meet no refusal', () => {
  const truth = 20;
  let found: FoundLimit | undefined;
  const inForce: number[] = [];
  let refusals = 0;
  for (let window = 0; window < 300; window++) {
    const now = window * MINUTE + 1;
    const limit = limitAt(found, bounds(60), now);
    inForce.push(limit);
    if (limit <= truth) continue;
    refusals += 1;
    found = lowered(found, bounds(60), { now, sentAt: now, accepted: truth }) ?? found;
  }
  const settled = inForce.slice(20);
  expect(settled.reduce((sum, one) => sum + one, 0) / settled.length).toBeGreaterThan(truth * 0.8);
  expect(Math.max(...settled)).toBeLessThan(truth * 1.1);
  expect(refusals).toBeLessThan(300 / 6);
});

test('a limit in a window is cut into even slices that add up to no more than it', () => {
  expect(paced(30, MINUTE)).toEqual({ max: 3, duration: 6_000 });
  expect(paced(4, MINUTE)).toEqual({ max: 1, duration: 15_000 });
  fc.assert(
    fc.property(fc.double({ min: 1, max: 5_000, noNaN: true }), (limit) => {
      const { max, duration } = paced(limit, MINUTE);
      expect(Number.isInteger(max) && Number.isInteger(duration)).toBe(true);
      expect((max * MINUTE) / duration).toBeLessThanOrEqual(limit + 1e-9);
    }),
  );
});

test.each([
  ['a lower limit over the same span', { limit: 30 }, 30],
  ['a higher one, which may count something else', { limit: 600 }, 60],
  ['one over another span, in proportion', { limit: 30, windowMs: 120_000 }, 15],
  [
    'a budget for the day, which may be spent in an hour',
    { limit: 1_000, windowMs: 86_400_000 },
    60,
  ],
  ['one that was not said again for a day', { limit: 30, at: 1 }, 60],
])('of what a provider states, submissions follow %s', (_what, stated, most) => {
  expect(submitCeiling({ max: 60, perMs: 60_000 }, stated, 90_000_000)).toBe(most);
});
