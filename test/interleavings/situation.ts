import type { Random } from '../../rig/random.ts';
import type { Rules } from '../../src/generation/rules.ts';

export const seconds = (n: number): number => n * 1_000;
export const minutes = (n: number): number => n * 60_000;

export const START = 1_800_000_000_000;
export const LEASE_MS = seconds(30);
export const TICK_MS = seconds(2);
/** A round is missing when its due time is older than two slots. */
export const LATE_MS = 500;
export const SLOT_MS = 250;
/** Lock and stalled check: a dead worker's job is another's after this long. */
export const TAKEN_OVER_MS = seconds(20);
export const SUBMIT_TIMEOUT_MS = seconds(30);
export const SEND_MARGIN_MS = seconds(5);
/** How much longer the provider remembers a key. Ours is 10 min; longer than one send is enough. */
export const KEY_MARGIN_MS = seconds(40);
/** ASSUMPTION of the state machine (15 s), a little stricter than we promise providers. */
export const SEARCH_VISIBLE_MS = seconds(14);

/** What stays the same during one schedule: the provider's nature, the settings, the app's mode. */
export interface Situation {
  readonly rules: Rules;
  readonly mode: 'hybrid' | 'polling';
  /** Whether a delivery is believed, or only asks for a check. */
  readonly believed: boolean;
  /** Whether deliveries name the generation, or only the provider's task. */
  readonly accountWide: boolean;
  readonly maxQueuedMs: number;
  /** Whether a done subscriber job still keeps its id (1 h, the newest 1,000) or was evicted. */
  readonly keepsDoneJobs: boolean;
  /** How many of the things that go wrong may go wrong. */
  readonly crashes: number;
  /** One step of a request in so many loses it. */
  readonly lossOneIn: number;
  readonly deliveries: number;
  readonly forgeries: number;
  readonly cancels: boolean;
  /** How many generations an operator may redrive; each redrive may be redriven in turn. */
  readonly redrives: number;
  /** How many jobs may fail for good, until an operator runs them again. */
  readonly deadJobs: number;
  readonly steps: number;
}

const CLASSES = ['idempotency-key', 'unique-reference', 'search', 'none'] as const;

/** The seed's low bits choose the class, policy and mode, so that all of them come up equally often. */
export function situationOf(seed: number, dice: Random): Situation {
  const hybrid = (seed & 8) === 0;
  const believed = dice.oneIn(2);
  return {
    rules: {
      repeatSubmit: CLASSES[(seed & 3) as 0 | 1 | 2 | 3],
      keyWindowMs: dice.pick([minutes(1), minutes(1_430)]),
      onUnknownOutcome: (seed & 4) === 0 ? 'fail' : 'resubmit',
      unconfirmedGraceMs: dice.pick([seconds(10), minutes(10)]),
      sendOverdueMs: SUBMIT_TIMEOUT_MS + SEND_MARGIN_MS,
      unansweredMs: dice.pick([minutes(2), minutes(1_440)]),
      canCancel: dice.oneIn(2),
      poll: {
        firstAfterMs: seconds(5),
        everyMs: dice.pick([seconds(1), seconds(3)]),
        factor: dice.pick([1, 2]),
        longestMs: seconds(16),
        webhookGraceMs: dice.pick([seconds(1), seconds(30)]),
        giveUpAfterMs: minutes(2),
        maxPolls: dice.oneIn(4) ? 4 : undefined,
        lastCheckAfterMs: dice.pick([undefined, minutes(1), minutes(60)]),
      },
    },
    mode: hybrid ? 'hybrid' : 'polling',
    believed,
    accountWide: hybrid && believed && dice.oneIn(3),
    maxQueuedMs: dice.pick([seconds(40), minutes(10), minutes(1_440)]),
    keepsDoneJobs: dice.oneIn(2),
    crashes: dice.below(6),
    lossOneIn: dice.pick([2, 4, 8]),
    deliveries: hybrid ? dice.below(4) : 0,
    forgeries: hybrid && !believed ? dice.below(2) : 0,
    cancels: dice.oneIn(4),
    redrives: dice.below(3),
    deadJobs: dice.oneIn(3) ? 1 : 0,
    // A search takes longer to go wrong.
    steps: 15 + dice.below((seed & 3) === 2 ? 140 : 70),
  };
}
