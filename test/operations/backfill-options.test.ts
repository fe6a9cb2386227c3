import { expect, test } from 'vitest';
import { readBackfillOptions } from '../../src/operations/backfill-options.ts';
import { UsageError } from '../../src/operations/command.ts';

const NOW = Date.parse('2026-05-02T12:00:00Z');
const read = (...args: string[]) => readBackfillOptions(args, NOW);

function complaintOf(...args: string[]): string {
  try {
    read(...args);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'none';
}

test.each([
  ['30s', 30_000],
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['3d', 259_200_000],
  ['2026-05-02T11:59Z', 60_000],
  ['2026-05-02T11:59:30.500Z', 29_500],
  ['2026-05-02T13:00:00+02:00', 3_600_000],
])('--since %s is so long ago', (text, agoMs) => {
  expect(NOW - read('--since', text).since).toBe(agoMs);
});

test.each(['', 'yesterday', '2', '2w', '-2h', '1.5h', '2026-05-02T11:59', '2026-05-02'])(
  '--since %j is refused with advice',
  (text) => {
    expect(complaintOf(`--since=${text}`)).toMatch(/^--since: give a time ago, such as 30s/);
  },
);

test('a moment in the future is refused', () => {
  expect(complaintOf('--since', '2026-05-02T12:01Z')).toBe('--since: is in the future');
});

test('a missing --since, an unknown flag and a flag without its value are named', () => {
  expect(complaintOf()).toMatch(/^--since: is required: give/);
  expect(complaintOf('--since', '2h', '--dry')).toContain("'--dry'");
  expect(complaintOf('--since', '2h', '--provider')).toContain("'--provider");
  expect(complaintOf('--since', '2h', 'fashn')).toContain("'fashn'");
});

test('a provider named twice counts once; a dry run never waits', () => {
  expect(read('--since', '1h', '--provider', 'fashn', '--provider', 'fashn')).toMatchObject({
    providers: ['fashn'],
    waits: true,
  });
  expect(read('--since', '1h', '--dry-run')).toMatchObject({ dryRun: true, waits: false });
  expect(read('--since', '1h', '--no-wait')).toMatchObject({ dryRun: false, waits: false });
});
