import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/operations/command.ts';
import { readRedriveOptions } from '../../src/operations/redrive-options.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const ID = 'gen_01HZZZZZZZZZZZZZZZZZZZZZZZ';
const read = (...args: string[]) => readRedriveOptions(args, NOW);

test('filters may be repeated, and lists have commas', () => {
  const { filter, limit } = read(
    ...['--provider', 'fashn,fal', '--provider', 'fitinview', '--reason', 'gave_up'],
    ...['--class', 'task_known,http_5xx', '--tenant', 'shop', '--id', ID],
    ...['--since', '2h', '--until', '1h', '--queue', 'subscriber-orders', '--limit', '7'],
  );
  expect(filter).toEqual({
    providers: ['fashn', 'fal', 'fitinview'],
    queues: ['subscriber-orders'],
    reasons: ['gave_up'],
    classes: ['task_known', 'http_5xx'],
    tenant: 'shop',
    ids: [ID],
    since: NOW - 2 * 3_600_000,
    until: NOW - 3_600_000,
    askedBefore: NOW,
  });
  expect(limit).toBe(7);
});

describe('is refused', () => {
  test.each([
    ['nothing at all', []],
    ['only a limit', ['--limit', '5']],
    ['only --pay-again', ['--pay-again']],
    ['an unknown flag', ['--everything']],
    ['a word that is no flag', ['fashn']],
    ['an empty filter', ['--provider', '']],
    ['a filter that is empty in part', ['--reason', 'gave_up,,']],
    ['an unknown class', ['--class', 'task_knwon']],
    ['a queue of rounds', ['--queue', 'poll-fashn']],
    ['an id that is none', ['--id', 'gen_1']],
    ['a time that is none', ['--since', 'yesterday']],
    ['a limit of 0', ['--all', '--limit', '0']],
    ['a tenant without a name', ['--tenant', '']],
    ['an end before its beginning', ['--since', '1h', '--until', '2h']],
  ])('%s', (_what, args) => {
    expect(() => readRedriveOptions(args, NOW)).toThrow(UsageError);
  });
});

test('without a filter, --dry-run or --all says that it is meant', () => {
  expect(read('--dry-run')).toMatchObject({ dryRun: true });
  expect(read('--all')).toMatchObject({ dryRun: false, payAgain: false });
});
