/** One number that was measured. */
export interface Metric {
  /** Its name in the JSON. */
  readonly name: string;
  readonly label: string;
  /** NaN when it could not be measured here. */
  readonly value: number;
  readonly unit: string;
  readonly digits: number;
  /** What it means, or the budget where there is one. */
  readonly note: string;
}

/** For people: one line each, the numbers under each other. */
export function printTable(metrics: readonly Metric[]): string {
  const rows = [
    ['metric', 'value', 'unit', 'what it means'],
    ...metrics.map(({ label, value, digits, unit, note }) => [
      label,
      Number.isNaN(value) ? 'n/a' : value.toFixed(digits),
      unit,
      note,
    ]),
  ];
  const width = (column: number): number =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1), width(2)];
  const lines = rows.map(([label = '', value = '', unit = '', note = '']) =>
    [
      label.padEnd(widths[0] ?? 0),
      value.padStart(widths[1] ?? 0),
      unit.padEnd(widths[2] ?? 0),
      note,
    ].join('  '),
  );
  lines.splice(1, 0, '-'.repeat(Math.max(...lines.map((line) => line.length))));
  return `${lines.join('\n')}\n`;
}

/** For machines: each number with its unit, null when it could not be measured. */
export function printJson(metrics: readonly Metric[], about: object): string {
  const entries = metrics.map(({ name, value, unit }) => [
    name,
    { value: Number.isNaN(value) ? null : Number(value.toPrecision(6)), unit },
  ]);
  return `${JSON.stringify({ ...about, metrics: Object.fromEntries(entries) }, null, 2)}\n`;
}
