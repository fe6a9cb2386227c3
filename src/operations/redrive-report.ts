import type { RedriveWay } from '../generation/redrive.ts';
import { duration } from './duration.ts';
import { passedOverLine } from './passed-over.ts';

/** What became of a dead letter, or would. */
export type RedriveAction =
  | RedriveWay
  | 'run_again'
  | 'redriven_before'
  | 'no_longer_dead'
  | 'not_known_here';

const SHOWN: Readonly<Record<RedriveAction, string>> = {
  late_result: 'take the late result',
  check_again: 'check again',
  same_key: 'same key',
  search: 'search',
  submit_anew: 'submit anew',
  run_again: 'run again',
  may_pay_twice: 'refused: may pay twice',
  redriven_before: 'nothing: redriven before',
  no_longer_dead: 'nothing: no longer dead',
  not_known_here: 'refused: provider is not switched on here',
};

const DOES_IT: readonly RedriveAction[] = [
  'late_result',
  'check_again',
  'same_key',
  'search',
  'submit_anew',
  'run_again',
];

/** Whether the action tries it again. */
export function triesAgain(action: RedriveAction): boolean {
  return DOES_IT.includes(action);
}

/** Dead letters of one source that are alike. Never more of them than this. */
interface DeadLetterKind {
  /** `generations of fitinview` or `queue subscriber-orders`. */
  readonly source: string;
  readonly class: string;
  readonly reason: string;
  readonly action: RedriveAction;
}

export interface RedriveReport {
  add(kind: DeadLetterKind): void;
  /** A generation that was tried again, and by which. */
  began(id: string, redriveOf: string): void;
  /** Records that cannot be read, and were passed over. */
  passedOver(unreadable: number): void;
  /** When the last one begins; others begin before. */
  lastBegins(inMs: number): void;
  /** How many are tried again so far, or would be. */
  triedAgain(): number;
  text(dryRun: boolean): string;
  json(dryRun: boolean): string;
}

/** Not worth a word. */
const A_WHILE_MS = 10_000;
/** More pairs than this only bury the table. */
const MOST_PAIRS_SHOWN = 10;

type Counted = DeadLetterKind & { count: number };

/** @param limit where the command stopped, if so many are tried again. */
export function createRedriveReport(limit = Number.POSITIVE_INFINITY): RedriveReport {
  const groups = new Map<string, Counted>();
  const pairs: { id: string; redriveOf: string }[] = [];
  let triedAgain = 0;
  let unreadable = 0;
  let lastInMs = 0;

  /** What else there is to say. */
  const remarks = (): string[] => [
    ...(triedAgain >= limit ? [`stopped at --limit ${limit}: there may be more`] : []),
    ...(lastInMs > A_WHILE_MS
      ? [`the last one begins in ${duration(lastInMs)}, at half of its provider's polls`]
      : []),
    ...(unreadable > 0 ? [passedOverLine(unreadable)] : []),
  ];

  const sorted = () => [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, g]) => g);

  return {
    add(kind) {
      const key = [kind.source, kind.class, kind.reason, kind.action].join('\n');
      const group = groups.get(key) ?? { ...kind, count: 0 };
      group.count += 1;
      groups.set(key, group);
      if (triesAgain(kind.action)) triedAgain += 1;
    },
    began: (id, redriveOf) => pairs.push({ id, redriveOf }),
    passedOver: (count) => {
      unreadable += count;
    },
    lastBegins: (inMs) => {
      lastInMs = Math.max(lastInMs, inMs);
    },
    triedAgain: () => triedAgain,
    text(dryRun) {
      const found = [...groups.values()].reduce((sum, { count }) => sum + count, 0);
      const does = dryRun ? 'a redrive would do' : 'was done';
      const is = dryRun ? 'would be' : triedAgain === 1 ? 'is' : 'are';
      const rows = sorted().map(rowOf);
      const few = pairs.length <= MOST_PAIRS_SHOWN ? pairs : [];
      return [
        ...(rows.length > 0
          ? table([['source', 'class', 'reason', 'count', `what ${does}`], ...rows])
          : []),
        ...few.map(({ id, redriveOf }) => `${redriveOf} is tried again as ${id}`),
        `${found} dead letter${found === 1 ? '' : 's'} found, ${triedAgain} ${is} tried again`,
        ...remarks(),
      ]
        .map((line) => `${line}\n`)
        .join('');
    },
    json: (dryRun) =>
      `${JSON.stringify({ dryRun, triedAgain, unreadable, groups: sorted(), began: pairs })}\n`,
  };
}

function rowOf({ source, class: kind, reason, count, action }: Counted): string[] {
  return [source, kind, reason, String(count), SHOWN[action]];
}

function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
