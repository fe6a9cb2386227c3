import { expect, test } from 'vitest';
import { FAMILIES, shareOut } from '../../attack/families/catalogue.ts';
import { readAttackOptions } from '../../attack/options.ts';
import { report } from '../../attack/report.ts';
import type { Outcome } from '../../attack/run.ts';
import { createRandom } from '../../rig/random.ts';

const HELD_ROW = {
  ...{ family: 'signatures', tried: 10, wronglyAccepted: 0, answered5xx: 0, hung: 0, otherwise: 0 },
  ...{ crashed: 0, failures: [] },
};
const FELT = { count: 9, askedP99Ms: 900, toldP50Ms: 9, toldP99Ms: 30, calledBackP99Ms: 40 };
const HELD: Outcome = {
  rows: [HELD_ROW],
  findings: {
    ...{ asked: 9, completedOnce: 9, paidTwice: 0, notAskedFor: 0, suspects: [] },
    felt: { 'under attack': FELT },
  },
  ...{ trapped: 0, isHealthy: true, handles: { before: 20, after: 25 }, crashes: 0 },
  ...{ webPeakBytes: 2e8, workerPeakBytes: 2e8, limitKind: 'watchdog', durationMs: 1_000 },
};
const isKept = (outcome: Outcome): boolean => report(outcome, { json: false, about: {} }).isKept;

test('a run in which everything held keeps the promise', () => {
  expect(isKept(HELD)).toBe(true);
});

test.each(['wronglyAccepted', 'answered5xx', 'hung', 'otherwise', 'crashed'])(
  'one attempt that was %s breaks the promise',
  (column) => {
    expect(isKept({ ...HELD, rows: [HELD_ROW, { ...HELD_ROW, [column]: 1 }] })).toBe(false);
  },
);

test.each<Partial<Outcome>>([
  { trapped: 1 },
  { crashes: 1 },
  { isHealthy: false },
  { handles: { before: 20, after: 400 } },
  { webPeakBytes: 360 * 1024 * 1024 },
  { findings: { ...HELD.findings, completedOnce: 8 } },
  { findings: { ...HELD.findings, paidTwice: 1 } },
  { findings: { ...HELD.findings, notAskedFor: 1 } },
])('%j breaks the promise', (broken) => {
  expect(isKept({ ...HELD, ...broken })).toBe(false);
});

test('a whole run makes at least 50,000 attempts, of every family', () => {
  const counts = shareOut(FAMILIES, readAttackOptions([]).attempts);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  expect(total).toBeGreaterThanOrEqual(50_000);
  for (const [family, count] of counts) expect(count).toBeGreaterThanOrEqual(family.least);
});

test('the same seed, family and number are the same attempt', () => {
  const bytes = (seed: number, family: string, index: number): string =>
    createRandom(seed, family, index).bytes(8).toString('hex');
  expect(bytes(1, 'api', 7)).toBe(bytes(1, 'api', 7));
  const others = [bytes(2, 'api', 7), bytes(1, 'paths', 7), bytes(1, 'api', 8)];
  expect(others).not.toContain(bytes(1, 'api', 7));
});
