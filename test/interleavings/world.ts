import type { Random } from '../../rig/random.ts';
import type { redriven, redriveWay } from '../../src/generation/redrive.ts';
import type { decide } from '../../src/generation/state-machine.ts';
import type { Situation } from './situation.ts';

/** How the ids begin of generations that an operator's redrive made. */
export const REDRIVEN_ID = 'gen_01J';

/** Mistakes that a program could have; each must be found out. Committed code has none of them. */
export interface Flaws {
  readonly decide?: typeof decide;
  readonly callsWithoutWinning?: true;
  readonly callsHoweverLate?: true;
  readonly savesBlindly?: true;
  readonly recordsWithoutDueTime?: true;
  readonly marksToldFirst?: true;
  readonly believesEveryone?: true;
  readonly sendersAreAlike?: true;
  readonly redriveWay?: typeof redriveWay;
  readonly redriven?: typeof redriven;
  readonly redrivesEachTime?: true;
}

/** What all actors of one schedule share. */
export interface World {
  now: number;
  /** While true, things go wrong; afterwards everybody is healthy. */
  isWild: boolean;
  readonly dice: Random;
  readonly situation: Situation;
  readonly flaws: Flaws;
  /** @throws BrokenRule always. */
  broken(rule: string): never;
  /** Which kinds of thing came up, so that a test can tell that the walk goes everywhere. */
  readonly seen: Set<string>;
  /** Writes the trace; absent when nobody reads it. */
  readonly say: ((line: string) => void) | undefined;
  /** A name for one send. */
  newSender(): string;
  /** A moment, as the trace shows it. */
  clock(at: number | undefined): string;
}
