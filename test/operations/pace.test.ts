import { expect, test } from 'vitest';
import { createPace } from '../../src/operations/pace.ts';

const NOW = 1_800_000_000_000;
const limits = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 10 };
const PROVIDERS = new Map([['acme', { limits }]]);

test('redrives of one provider are due over half of its polls, those of another at once', () => {
  const pace = createPace(PROVIDERS);
  const due = Array.from({ length: 5 }, () => {
    const at = pace.next('acme', NOW);
    pace.took('acme', at);
    return at - NOW;
  });
  expect(due).toEqual([0, 200, 400, 600, 800]);
  expect(pace.next('other', NOW)).toBe(NOW);
});

test('what is refused takes no place, and nothing is due in the past', () => {
  const pace = createPace(PROVIDERS);
  expect(pace.next('acme', NOW)).toBe(NOW);
  expect(pace.next('acme', NOW)).toBe(NOW);
  pace.took('acme', NOW);
  expect(pace.next('acme', NOW + 60_000)).toBe(NOW + 60_000);
});
