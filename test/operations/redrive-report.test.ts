import { expect, test } from 'vitest';
import { createRedriveReport } from '../../src/operations/redrive-report.ts';

const LOST = { source: 'generations of fashn', class: 'task_known', reason: 'task_lost' } as const;

test('the last line counts one as one and several as several', () => {
  const report = createRedriveReport();
  report.add({ ...LOST, action: 'check_again' });
  expect(report.text(false)).toContain('\n1 dead letter found, 1 is tried again\n');
  expect(report.text(true)).toContain('\n1 dead letter found, 1 would be tried again\n');

  report.add({ ...LOST, action: 'may_pay_twice' });
  report.add({ ...LOST, action: 'search' });
  expect(report.text(false)).toContain('\n3 dead letters found, 2 are tried again\n');
});
