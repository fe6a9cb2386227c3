import type { Verdict } from '../rig/run-tool.ts';
import type { Row } from './campaign.ts';
import { handlesAreBack, megabytes, type Outcome } from './run.ts';

interface Promised {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly isKept: boolean;
}

const MOST_PEAK_BYTES = 350 * 1024 * 1024;
const COLUMNS = [
  ['tried', 'tried'],
  ['wronglyAccepted', 'wrongly accepted'],
  ['answered5xx', '5xx'],
  ['hung', 'hung'],
  ['otherwise', 'refused otherwise'],
  ['crashed', 'crashed'],
] as const;

/** Whether everything that is promised was kept, and all that is to be told, for people or as JSON. */
export function report(outcome: Outcome, options: { json: boolean; about: object }): Verdict {
  const promises = promisesOf(outcome);
  const isKept = outcome.rows.every(isRowKept) && promises.every((one) => one.isKept);
  if (options.json) {
    const broken = promises.filter((one) => !one.isKept).map(({ name }) => name);
    const all = { ...options.about, isKept, broken, totals: totalsOf(outcome.rows), ...outcome };
    return { isKept, text: `${JSON.stringify(all, null, 2)}\n` };
  }
  const lines = promises.map(
    ({ label, value, isKept: kept }) => `${label.padEnd(42)}  ${value}${kept ? '' : '  BROKEN'}`,
  );
  const parts = [printRows(outcome.rows), lines.join('\n'), printFailures(outcome)];
  return { isKept, text: `\n${parts.filter((part) => part !== '').join('\n\n')}\n` };
}

/** No attempt got anywhere. */
export function isRowKept(row: Row): boolean {
  return COLUMNS.every(([key]) => key === 'tried' || row[key] === 0);
}

export function totalsOf(rows: readonly Row[]): Record<string, number> {
  return Object.fromEntries(
    COLUMNS.map(([key]) => [key, rows.reduce((sum, row) => sum + row[key], 0)]),
  );
}

function promisesOf(outcome: Outcome): Promised[] {
  const { findings, handles, webPeakBytes, workerPeakBytes, limitKind } = outcome;
  const { asked, completedOnce, felt } = findings;
  const promise = (name: string, label: string, value: unknown, isKept = true): Promised => ({
    ...{ name, label, value: String(value), isKept },
  });
  const none = (name: string, label: string, value: number): Promised =>
    promise(name, label, value, value === 0);
  const peak = `${megabytes(webPeakBytes)} of 512 MB (${limitKind})`;
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  const feels = Object.entries(felt).map(([phase, feel]) => {
    const told = `told p50 ${ms(feel.toldP50Ms)}, p99 ${ms(feel.toldP99Ms)}`;
    const more = `called back p99 ${ms(feel.calledBackP99Ms)}; asked to told p99 ${ms(feel.askedP99Ms)}`;
    return promise(phase, `felt, ${phase}`, `${told}; ${more}`);
  });
  const real = `${completedOnce} of ${asked}`;
  return [
    promise('real', 'real generations completed and told once', real, completedOnce === asked),
    ...feels,
    none('paidTwice', 'paid twice', findings.paidTwice),
    none('notAskedFor', 'submitted without having been asked for', findings.notAskedFor),
    none('trapped', 'connections into private places', outcome.trapped),
    none('crashes', 'processes that ended', outcome.crashes),
    promise('peak', 'peak memory of the web process', peak, webPeakBytes < MOST_PEAK_BYTES),
    promise('workerPeak', 'peak memory of the worker process', megabytes(workerPeakBytes)),
    promise('healthy', 'ready and alive afterwards', outcome.isHealthy, outcome.isHealthy),
    promise(
      'handles',
      'open sockets and files, before and after',
      `${handles.before}, ${handles.after}`,
      handlesAreBack(handles),
    ),
    promise('seconds', 'wall time', `${(outcome.durationMs / 1_000).toFixed(0)} s`),
  ];
}

/** One line for each kind of attack, and one for all. */
export function printRows(rows: readonly Row[]): string {
  const cells = (name: string, values: Readonly<Record<string, number>>, isKept: boolean) => [
    name,
    ...COLUMNS.map(([key]) => (values[key] ?? 0).toLocaleString('en')),
    isKept ? '' : 'BROKEN',
  ];
  const table = [
    ['attack', ...COLUMNS.map(([, title]) => title), ''],
    ...rows.map(({ failures: _, family, ...values }) =>
      cells(
        family,
        values,
        COLUMNS.every(([key]) => key === 'tried' || values[key] === 0),
      ),
    ),
    cells('all', totalsOf(rows), true),
  ];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths?.[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, '-'.repeat(Math.max(...lines.map((line) => line.length))));
  return lines.join('\n');
}

function printFailures({ rows, findings }: Outcome): string {
  const lines = rows.flatMap(({ family, failures }) =>
    failures.map(({ attempt, kind, detail }) => `  ${family} ${attempt}: ${kind}, ${detail}`),
  );
  const suspects = findings.suspects.map((suspect) => `  ${suspect}`);
  if (lines.length + suspects.length === 0) return '';
  const again = 'What went wrong (repeat it with --only FAMILY and the same --seed):';
  return [again, ...lines, ...suspects].join('\n');
}
