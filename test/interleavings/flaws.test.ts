import { describe, expect, test } from 'vitest';
import { FLAWS } from './planted-flaws.ts';
import { traceOf, walk } from './walk.ts';

/** Every flaw is found within so many schedules, or the test that has none proves little. */
const SCHEDULES = 200_000;

describe('the walk finds out a program in which', { timeout: 240_000 }, () => {
  test.each(FLAWS)('%s', (_name, flaws, rule, seeds = { first: 0, step: 1 }) => {
    for (let n = 0; n < SCHEDULES; n++) {
      const seed = seeds.first + n * seeds.step;
      const { broken } = walk(seed, { flaws });
      if (!broken) continue;
      expect(broken).toMatch(rule);
      expect(traceOf(seed, flaws)).toContain(`BROKEN: ${broken}`);
      return;
    }
    expect.fail('every schedule kept every rule');
  });
});
