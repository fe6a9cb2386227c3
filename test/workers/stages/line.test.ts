import { expect, test } from 'vitest';
import { createLine } from '../../../src/workers/stages/line.ts';

test('each that waits gets a moment of its own, spaced, and no sooner than the first may be', () => {
  const clock = { now: 1_000 };
  const line = createLine({ firstMs: 10_000, spacingMs: 1_500, now: () => clock.now });
  expect([line(), line(), line()]).toEqual([11_000, 12_500, 14_000]);
  clock.now = 60_000;
  expect(line()).toBe(70_000);
});
