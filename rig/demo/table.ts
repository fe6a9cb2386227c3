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

/** Where its results are, as the API says it; its links carry tokens, so only their path is shown. */
function keptIn({ results }: Shown): string {
  const [first] = results;
  if (!first) return '';
  if (first.kind === 'data') return 'in the record';
  if (first.kept !== 'kept') return first.kept ?? '';
  const bytes = results.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  const path = first.keptUrl ? new URL(first.keptUrl, 'http://kept').pathname : '';
  return `${(bytes / 1024).toFixed(0)} KB at ${path.replace(/gen_\w+(\w{6})/, '…$1')}`;
}

/** What was charged; the list's price where the provider reports none. */
function costOf({ charge }: Shown): string {
  if (!charge) return '';
  if (charge.amount === undefined) return `list: ${charge.listPrice}`;
  return `${charge.amount} ${charge.unit}`;
}

/** How each generation ended: one line each, in columns. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const g = row.generation;
    const seconds = g.finishedAt ? (Date.parse(g.finishedAt) - Date.parse(g.createdAt)) / 1000 : 0;
    const how = g.via ? (HOW[g.via] ?? g.via) : '–';
    const end = isAsExpected(row) ? row.end : `${row.end}, not ${row.expected.join(' or ')}`;
    const result = row.result ?? g.reason?.code ?? g.hold?.reason ?? '';
    const time = `${seconds.toFixed(1)} s`;
    return [g.provider, g.model, how, String(g.polls), time, end, result, keptIn(g), costOf(g)];
  });
  const titles = [
    'provider',
    'model',
    'learned by',
    'polls',
    'time',
    'end',
    'result',
    'kept',
    'cost',
  ];
  const table = [titles, ...cells];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return table
    .map((row) => row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '))
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}
