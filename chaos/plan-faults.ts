import { createRandom, type Random } from '../rig/random.ts';
import type { OutageAnswer } from '../simulator/index.ts';
import { repeatSubmitOf } from './catalogue.ts';

/** What is done to one process, chosen among its like. */
export type ProcessFault = 'kill-worker' | 'kill-web' | 'stop-worker' | 'stop-web';
/** What is done to Redis. */
export type RedisFault = 'kill-redis' | 'script-flush' | 'read-only' | 'out-of-memory';
export type FaultKind = ProcessFault | RedisFault | 'outage' | 'unknown-tasks';

/** One fault, and how long until it is put right: a dead process is started again then. */
export type PlannedFault = { readonly atMs: number; readonly forMs: number } & (
  | {
      readonly kind: ProcessFault;
      /** Which of several; counted from 0. */
      readonly which: number;
    }
  | { readonly kind: RedisFault }
  | { readonly kind: 'outage'; readonly provider: string; readonly answer: OutageAnswer }
  /** It says of every task of ours that there is none, as with a wrong path or another's key. */
  | { readonly kind: 'unknown-tasks'; readonly provider: string }
);

/** How often each happens, at least how many times, and how long it lasts. */
const FAULTS: Readonly<
  Record<FaultKind, { everyMs: number; atLeast: number; leastMs: number; mostMs: number }>
> = {
  'kill-worker': { everyMs: 7_000, atLeast: 3, leastMs: 200, mostMs: 3_000 },
  'kill-web': { everyMs: 12_000, atLeast: 2, leastMs: 200, mostMs: 2_500 },
  // SIGTERM, as a deploy does it.
  'stop-worker': { everyMs: 15_000, atLeast: 1, leastMs: 200, mostMs: 3_000 },
  'stop-web': { everyMs: 25_000, atLeast: 1, leastMs: 200, mostMs: 2_500 },
  'kill-redis': { everyMs: 25_000, atLeast: 1, leastMs: 200, mostMs: 4_000 },
  'script-flush': { everyMs: 10_000, atLeast: 1, leastMs: 0, mostMs: 0 },
  'read-only': { everyMs: 20_000, atLeast: 1, leastMs: 200, mostMs: 1_500 },
  'out-of-memory': { everyMs: 20_000, atLeast: 1, leastMs: 200, mostMs: 1_500 },
  outage: { everyMs: 30_000, atLeast: 1, leastMs: 2_000, mostMs: 5_000 },
  'unknown-tasks': { everyMs: 30_000, atLeast: 1, leastMs: 2_000, mostMs: 8_000 },
};

/**
 * One outage of so many, and none of fewer, is of a provider that recognises no repeat: an answer
 * 5xx may hide an accepted task, so what is sent before the circuit opens, and each probe, ends as
 * `outcome_unknown`, and needs a person.
 */
const OUTAGES_FOR_ONE_UNRECOGNISED = 5;
const OUTAGE_ANSWERS: Readonly<Record<Exclude<OutageAnswer, 'unknown-tasks'>, number>> = {
  'server-error': 1,
  'html-page': 1,
};
/** No group of processes is larger; a smaller one is counted round. */
const MOST_PROCESSES = 6;

/** Everything that happens to processes, to Redis and to whole providers, in its order. */
export function planFaults(
  seed: number,
  loadMs: number,
  providers: readonly string[],
): PlannedFault[] {
  const random = createRandom(seed, 'faults');
  // Not the first moments, when nothing is under way yet; but also a little after the last request.
  const [from, to] = [loadMs * 0.1, loadMs * 1.05];
  // The keys of FAULTS are the kinds.
  const faults = (Object.keys(FAULTS) as FaultKind[]).flatMap((kind) => {
    const { everyMs, atLeast, leastMs, mostMs } = FAULTS[kind];
    const times = Math.max(atLeast, Math.round(loadMs / everyMs));
    return Array.from({ length: times }, (_, index) => {
      const when = { atMs: random.between(from, to), forMs: random.between(leastMs, mostMs) };
      return planOne({ kind, index, ...when }, random, providers);
    });
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** @param fault.index which one of its kind it is, from 0. */
function planOne(
  fault: { kind: FaultKind; index: number; atMs: number; forMs: number },
  random: Random,
  providers: readonly string[],
): PlannedFault {
  const { kind, index, ...when } = fault;
  switch (kind) {
    case 'outage': {
      const provider = outOfOrder(index, random, providers);
      return { kind, ...when, provider, answer: random.weighted(OUTAGE_ANSWERS) };
    }
    case 'unknown-tasks':
      return { kind, ...when, provider: random.pick(providers) };
    case 'kill-worker':
    case 'kill-web':
    case 'stop-worker':
    case 'stop-web':
      return { kind, ...when, which: random.below(MOST_PROCESSES) };
    default:
      return { kind, ...when };
  }
}

function outOfOrder(index: number, random: Random, providers: readonly string[]): string {
  const isUnrecognised = (index + 1) % OUTAGES_FOR_ONE_UNRECOGNISED === 0;
  const such = providers.filter((name) => (repeatSubmitOf(name) === 'none') === isUnrecognised);
  return random.pick(such.length > 0 ? such : providers);
}
