/** One figure, and what was promised of it. */
export interface Figure {
  /** Its name in the JSON. */
  readonly name: string;
  readonly label: string;
  /** NaN when there is none. */
  readonly value: number;
  /** What it is at least, where it was not waited for to the end. */
  readonly isAtLeast?: boolean;
  readonly unit: string;
  readonly digits: number;
  /** Absent where nothing was promised. */
  readonly promise?: { readonly text: string; readonly isKept: boolean };
}

/** What is kept by a value of at most so much; a figure that is missing keeps nothing. */
export function figureAtMost(figure: Figure, most: number, text?: string): Figure {
  const isKept = figure.value <= most && !(figure.isAtLeast && figure.value >= most);
  return {
    ...figure,
    promise: { text: text ?? `<= ${most.toFixed(figure.digits)}`, isKept },
  };
}

export function isKept(figures: readonly Figure[]): boolean {
  return figures.every(({ promise }) => promise?.isKept ?? true);
}

/** Lines of columns; the first column to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, n) => (n === 0 ? cell.padEnd(widths?.[n] ?? 0) : cell.padStart(widths?.[n] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, '-'.repeat(Math.max(...lines.map((line) => line.length))));
  return `${lines.join('\n')}\n`;
}

/** The figures with their promises. */
export function figuresTable(figures: readonly Figure[]): string {
  return columns([
    ['what', 'value', '', 'promised', ''],
    ...figures.map(({ label, value, isAtLeast, unit, digits, promise }) => [
      label,
      Number.isNaN(value) ? 'n/a' : `${isAtLeast ? '> ' : ''}${value.toFixed(digits)}`,
      unit,
      promise?.text ?? '',
      promise?.isKept === false ? 'BROKEN' : '',
    ]),
  ]);
}

/** The same for programs: values, and the names of the broken promises. */
export function figuresJson(figures: readonly Figure[]): object {
  const values = figures.map(({ name, value, isAtLeast }) => [
    name,
    Number.isNaN(value)
      ? null
      : { value: Number(value.toPrecision(6)), ...(isAtLeast && { isAtLeast }) },
  ]);
  const broken = figures.filter(({ promise }) => promise?.isKept === false);
  return { figures: Object.fromEntries(values), broken: broken.map(({ name }) => name) };
}
