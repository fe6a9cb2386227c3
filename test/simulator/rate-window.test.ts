import { expect, test } from 'vitest';
import { createRateWindow } from '../../simulator/engine/rate-window.ts';

test('the window slides: a place is free again when the oldest call is a minute old', () => {
  const window = createRateWindow(2);
  expect([window.take(0), window.take(30_000), window.take(59_999)]).toEqual([true, true, false]);
  expect(window.usage(59_999)).toEqual({ limitPerMinute: 2, remaining: 0, resetAtSeconds: 60 });
  expect(window.take(60_000)).toBe(true);
  expect(window.usage(60_000)).toMatchObject({ remaining: 0, resetAtSeconds: 90 });
});

test('the span may be another than a minute', () => {
  const window = createRateWindow(1, 2_000);
  expect([window.take(0), window.take(1_999), window.take(2_000)]).toEqual([true, false, true]);
});

test('a long run keeps counting correctly', () => {
  const window = createRateWindow(10_000);
  for (let atMs = 0; atMs < 200_000; atMs += 10) window.take(atMs);
  expect(window.usage(199_990).remaining).toBe(4_000);
});
