import { expect, test } from 'vitest';
import { countLately } from '../../../src/workers/limits/lately.ts';

test('counts what happened within about the last window, and forgets the rest', () => {
  const clock = { now: 0 };
  const lately = countLately(1_000, () => clock.now);
  for (let n = 0; n < 10; n++) lately.add();
  expect(lately.count()).toBe(10);
  clock.now = 1_250;
  lately.add();
  expect(lately.count()).toBe(1 + 7.5);
  clock.now = 1_999;
  expect(lately.count()).toBeCloseTo(1, 1);
  clock.now = 9_000;
  expect(lately.count()).toBe(0);
});
