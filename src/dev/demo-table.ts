import type { Shown } from './demo-timeline.ts';

/** One finished generation and where its result was put. */
export interface Row {
  readonly generation: Shown;
  readonly saved: string | undefined;
}

const HOW: Readonly<Record<string, string>> = { submit: 'inline', hint: 'webhook, checked' };

/** How each generation ended: one line each, in columns. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map(({ generation: g, saved }) => {
    const seconds = g.finishedAt ? (Date.parse(g.finishedAt) - Date.parse(g.createdAt)) / 1000 : 0;
    const how = g.via ? (HOW[g.via] ?? g.via) : '–';
    const result = saved ?? g.reason?.code ?? g.status;
    return [g.provider, g.model, how, String(g.polls), `${seconds.toFixed(1)} s`, result];
  });
  const table = [['provider', 'model', 'told by', 'polls', 'time', 'result'], ...cells];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return table
    .map((row) => row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '))
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}
