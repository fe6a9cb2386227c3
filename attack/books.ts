import { percentile } from '../rig/percentile.ts';
import type { Real } from './messages.ts';
import type { Books } from './providers.ts';

/** What the books of all parties say after the attack. */
export interface Findings {
  readonly asked: number;
  /** Accepted, completed, notified as one event to the subscriber and as the same one by callback. */
  readonly completedOnce: number;
  readonly paidTwice: number;
  /** Submissions of requests that had to be refused, or that nobody made. */
  readonly notAskedFor: number;
  /** By phase. */
  readonly felt: Readonly<Record<string, Felt>>;
  /** The first few of what is wrong. */
  readonly suspects: readonly string[];
}

interface Felt {
  readonly count: number;
  /** Asked → subscriber called, the provider's 0.5 to 1.5 s included. */
  readonly askedP99Ms: number;
  /** Provider done → subscriber called, and → callback received. */
  readonly toldP50Ms: number;
  readonly toldP99Ms: number;
  readonly calledBackP99Ms: number;
}

/** The markers of requests that were right. */
const ASKED = /^(real|race|tarpit)-/;
const MOST_SUSPECTS = 10;

/** Compares them. Does no I/O. */
export function compareBooks(reals: readonly Real[], books: Books): Findings {
  const suspects: string[] = [];
  const payments = new Map<string, number>();
  const doneAt = new Map<string, number>();
  let notAskedFor = 0;
  for (const [provider, { accepted }] of Object.entries(books)) {
    for (const { marker, isPaid, doneAtMs, taskId } of accepted) {
      if (marker === null || !ASKED.test(marker)) {
        notAskedFor += 1;
        suspects.push(`${provider} was paid for ${marker ?? taskId}, which nobody may ask for`);
        continue;
      }
      if (isPaid) payments.set(marker, (payments.get(marker) ?? 0) + 1);
      if (doneAtMs !== null) doneAt.set(marker, doneAtMs);
    }
  }
  const twice = [...payments].filter(([, times]) => times > 1);
  suspects.push(...twice.map(([marker, times]) => `${marker} was paid ${times} times`));
  const bad = reals.filter((real) => !isRight(real));
  suspects.push(...bad.map(describe));
  const phases = [...new Set(reals.map(({ phase }) => phase))];
  return {
    asked: reals.length,
    completedOnce: reals.length - bad.length,
    paidTwice: twice.length,
    notAskedFor,
    felt: Object.fromEntries(
      phases.map((phase) => [
        phase,
        feltBy(
          reals.filter((real) => real.phase === phase),
          doneAt,
        ),
      ]),
    ),
    suspects: suspects.slice(0, MOST_SUSPECTS),
  };
}

function isRight({ outcome, status, events, toldAtMs, calledBackAtMs }: Real): boolean {
  const isTold = toldAtMs !== null && calledBackAtMs !== null && events === 1;
  return isTold && outcome === 'completed' && status === 'completed';
}

function describe({ marker, provider, id, outcome, status, events }: Real): string {
  return `${marker} of ${provider} (${id}): told "${outcome}" in ${events} events, shown as "${status}"`;
}

function feltBy(reals: readonly Real[], doneAt: ReadonlyMap<string, number>): Felt {
  const waits = (from: (real: Real) => number | undefined, to: 'toldAtMs' | 'calledBackAtMs') =>
    reals
      .flatMap((real) => {
        const [start, end] = [from(real), real[to]];
        return start === undefined || end === null ? [] : [end - start];
      })
      .sort((a, b) => a - b);
  const done = ({ marker }: Real): number | undefined => doneAt.get(marker);
  const told = waits(done, 'toldAtMs');
  const calledBack = waits(done, 'calledBackAtMs');
  return {
    count: reals.length,
    askedP99Ms: percentile(
      waits(({ askedAtMs }) => askedAtMs, 'toldAtMs'),
      0.99,
    ),
    toldP50Ms: percentile(told, 0.5),
    toldP99Ms: percentile(told, 0.99),
    calledBackP99Ms: percentile(calledBack, 0.99),
  };
}
