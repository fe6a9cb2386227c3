import type { End } from './scenarios.ts';
import type { Shown } from './timeline.ts';

/** One generation that has ended, as far as the demo waits. */
export interface Row {
  readonly generation: Shown;
  readonly end: End;
  readonly expected: readonly End[];
  /** Where its result was put, or why it was not. */
  readonly result: string | undefined;
}

export function isAsExpected({ end, expected }: Row): boolean {
  return expected.includes(end);
}

const HOW: Readonly<Record<string, string>> = { submit: 'inline', hint: 'webhook, checked' };

/** How each generation ended: one line each, in columns. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const g = row.generation;
    const seconds = g.finishedAt ? (Date.parse(g.finishedAt) - Date.parse(g.createdAt)) / 1000 : 0;
    const how = g.via ? (HOW[g.via] ?? g.via) : '–';
    const end = isAsExpected(row) ? row.end : `${row.end}, not ${row.expected.join(' or ')}`;
    const result = row.result ?? g.reason?.code ?? g.hold?.reason ?? '';
    return [g.provider, g.model, how, String(g.polls), `${seconds.toFixed(1)} s`, end, result];
  });
  const table = [['provider', 'model', 'learned by', 'polls', 'time', 'end', 'result'], ...cells];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return table
    .map((row) => row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '))
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}
