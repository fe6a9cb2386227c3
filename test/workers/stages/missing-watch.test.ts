import { expect, test } from 'vitest';
import { createMissingWatch } from '../../../src/workers/stages/missing-watch.ts';

function setup() {
  let now = 0;
  const watch = createMissingWatch(() => now);
  const answer = (from: number, to: number, isMissing: boolean) => {
    for (let n = from; n < to; n++) watch.answered(`task-${n}`, isMissing);
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { watch, answer, pass };
}

test('many tasks at once that nobody knows are an outage, and up to three are not', () => {
  const { watch, answer } = setup();
  answer(0, 3, true);
  expect(watch.isOutage()).toBe(false);
  answer(3, 4, true);
  expect(watch.isOutage()).toBe(true);
  expect(watch.lately()).toEqual({ asked: 4, missing: 4 });
});

test('as long as half of them are known, the others are missing one by one', () => {
  const { watch, answer } = setup();
  answer(0, 10, true);
  answer(10, 20, false);
  expect(watch.isOutage()).toBe(false);
  answer(20, 21, true);
  expect(watch.isOutage()).toBe(true);
});

test('a task counts once, with its last answer, for a minute', () => {
  const { watch, answer, pass } = setup();
  for (let n = 0; n < 10; n++) answer(0, 1, true);
  expect(watch.lately()).toEqual({ asked: 1, missing: 1 });
  answer(0, 6, true);
  answer(0, 3, false);
  expect(watch.lately()).toEqual({ asked: 6, missing: 3 });
  pass(30_000);
  answer(5, 6, true);
  pass(30_000);
  expect(watch.lately()).toEqual({ asked: 1, missing: 1 });
});
