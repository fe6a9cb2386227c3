import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  backoffMs,
  firstPollDelayMs,
  nextPollAt,
  type PollProfile,
} from '../../src/generation/poll-timing.ts';
import { NOW } from './fixtures.ts';

const FAST: PollProfile = {
  firstAfterMs: 5_000,
  everyMs: 3_000,
  factor: 1,
  longestMs: 3_000,
  webhookGraceMs: 20_000,
  giveUpAfterMs: 120_000,
};
const EXPONENTIAL: PollProfile = {
  ...FAST,
  firstAfterMs: 1_000,
  everyMs: 2_000,
  factor: 2,
  longestMs: 16_000,
};

/** At most a tenth to either side, after rounding. */
function expectAbout(actual: number, exactMs: number): void {
  expect(actual).toBeGreaterThanOrEqual(Math.floor(exactMs * 0.9));
  expect(actual).toBeLessThanOrEqual(Math.ceil(exactMs * 1.1));
}

describe('the first poll', () => {
  test('waits the first wait where no webhook comes, and the webhook grace where one may', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        expectAbout(firstPollDelayMs(FAST, false, seed), 5_000);
        expectAbout(firstPollDelayMs(FAST, true, seed), 20_000);
      }),
    );
  });
});

describe('the next poll', () => {
  const next = (profile: PollProfile, polls: number, previousDueAt = NOW, now = NOW) =>
    nextPollAt(profile, { previousDueAt, now, polls, seed: 'a' });

  test('comes one interval after the previous due time, however late the poll was', () => {
    for (const latenessMs of [0, 1, 500, 2_600]) {
      expectAbout(next(FAST, 1, NOW, NOW + latenessMs) - NOW, 3_000);
    }
  });

  test('lateness does not add up: a hundred late polls are on time to a tenth', () => {
    let dueAt = NOW;
    for (let polls = 1; polls <= 100; polls++) dueAt = next(FAST, polls, dueAt, dueAt + 900);
    expectAbout(dueAt - NOW, 300_000);
  });

  test('comes one interval from now when that moment has passed already', () => {
    expectAbout(next(FAST, 1, NOW - 60_000, NOW) - NOW, 3_000);
  });

  test('is always in the future, and a whole number of milliseconds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.integer({ min: 1, max: 400 }),
        (offset, polls) => {
          for (const profile of [FAST, EXPONENTIAL]) {
            const at = next(profile, polls, NOW + offset);
            expect(at).toBeGreaterThan(NOW);
            expect(Number.isInteger(at)).toBe(true);
          }
        },
      ),
    );
  });

  test('of an exponential profile waits twice as long each time, up to the longest wait', () => {
    const waits = [1, 2, 3, 4, 5, 1_000].map((polls) => next(EXPONENTIAL, polls) - NOW);
    for (const [index, ms] of [2_000, 4_000, 8_000, 16_000, 16_000, 16_000].entries()) {
      expectAbout(waits[index] ?? 0, ms);
    }
  });
});

describe('a backoff', () => {
  test('doubles from the first wait, never above the longest', () => {
    for (const [tries, ms] of [
      [0, 1_000],
      [1, 1_000],
      [2, 2_000],
      [4, 8_000],
      [7, 60_000],
      [5_000, 60_000],
    ] as const) {
      expectAbout(backoffMs(tries, 1_000, 60_000, 'a'), ms);
    }
  });
});

describe('jitter', () => {
  test('is the same for the same seed, so that a replay decides the same', () => {
    expect(firstPollDelayMs(FAST, true, 'x')).toBe(firstPollDelayMs(FAST, true, 'x'));
  });

  test('spreads a burst evenly over the whole fifth', () => {
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const share = (firstPollDelayMs(FAST, true, `gen_${i}`) - 18_000) / 4_000;
      const bucket = Math.min(Math.floor(share * 10), 9);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  test('differs from poll to poll, so that two records do not stay together', () => {
    const waits = new Set(
      [1, 2, 3, 4, 5].map((polls) =>
        nextPollAt(FAST, { previousDueAt: NOW, now: NOW, polls, seed: 'a' }),
      ),
    );
    expect(waits.size).toBeGreaterThan(3);
  });
});
