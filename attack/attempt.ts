import type { Random } from '../rig/random.ts';
import type { World } from './world.ts';

/** What became of one attempt. Only `held` is good. */
type Kind = 'held' | 'wronglyAccepted' | 'answered5xx' | 'hung' | 'otherwise';

export interface Verdict {
  readonly kind: Kind;
  /** What happened, for a person; never with secrets. */
  readonly detail: string;
}

export interface Attempt {
  /** What is tried, for a person; never with secrets. */
  readonly what: string;
  run(): Promise<Verdict>;
}

/** One kind of attack. */
export interface Family {
  readonly name: string;
  /** How many of each 1,000 attempts of a whole run. */
  readonly share: number;
  /** Fewer make no sense, however short the run. */
  readonly least: number;
  /** More make no sense, however long the run. */
  readonly most?: number;
  /** How many are under way at once. */
  readonly atOnce: number;
  /** Takes long and hardly any work, so it runs beside the others. */
  readonly isPatient?: true;
  /** Made while Redis stands still. */
  readonly needsRedisAway?: true;
  /** The careless receiver has this door too. */
  readonly fitsNaive?: true;
  make(world: World, chance: Random, index: number): Attempt;
  /** What can be said only after all attempts: one verdict for each thing that is wrong. */
  afterwards?(world: World): Promise<readonly Verdict[]>;
}

/** Every answer that came, in their order; none when the connection was closed without one. */
export interface Answer {
  readonly statuses: readonly number[];
  /** Neither an answer nor a close came in time. */
  readonly isSilent: boolean;
}

export const HELD: Verdict = { kind: 'held', detail: '' };

/** Judges answers by the statuses that may be. A closed connection accepts nothing. */
export function judge(answer: Answer, allowed: readonly number[], isRedisAway: boolean): Verdict {
  if (answer.isSilent) return { kind: 'hung', detail: 'no answer and no close in time' };
  for (const status of answer.statuses) {
    if (allowed.includes(status) || (status === 503 && isRedisAway)) continue;
    const detail = `answered ${status}, where ${allowed.join(', ')} may be`;
    if (status >= 500) return { kind: 'answered5xx', detail };
    // Another refusal lets nobody in, but it is not the documented one: a later step refused, perhaps.
    return { kind: status < 400 ? 'wronglyAccepted' : 'otherwise', detail };
  }
  return HELD;
}
