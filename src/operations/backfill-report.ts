import type { Affected } from './affected.ts';
import { duration } from './duration.ts';

/** What is said of one provider. */
export interface ProviderReport {
  readonly provider: string;
  readonly waiting: number;
  readonly putBack: number;
  readonly leftAlone: Readonly<Record<string, number>>;
  /** How long the checks take at the poll budget, if nothing else wants to be checked. */
  readonly checksTakeMs: number;
}

export function reportOf(
  provider: string,
  { waiting, putBack, leftAlone }: Affected,
  pollsPerSecond: number,
): ProviderReport {
  // A full budget lets one second's worth through at once.
  const later = Math.max(waiting.length - Math.max(pollsPerSecond, 1), 0);
  return {
    provider,
    waiting: waiting.length,
    putBack,
    leftAlone: Object.fromEntries(leftAlone),
    checksTakeMs: Math.ceil((later * 1_000) / pollsPerSecond),
  };
}

/** One line for each provider, in columns. */
export function renderReports(reports: readonly ProviderReport[]): string {
  const head = ['provider', 'waiting for it', 'put back', 'checks take', 'left alone'];
  const cells = reports.map((report) => [
    report.provider,
    String(report.waiting),
    String(report.putBack),
    duration(report.checksTakeMs),
    Object.entries(report.leftAlone)
      .map(([state, count]) => `${count} ${state}`)
      .join(', ') || '0',
  ]);
  const table = [head, ...cells];
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
