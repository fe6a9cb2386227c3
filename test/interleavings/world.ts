import type { Random } from '../../rig/random.ts';
import type { GenerationEvent } from '../../src/generation/events.ts';
import type { Generation } from '../../src/generation/generation.ts';
import { GenerationId } from '../../src/generation/ids.ts';
import type { redriven, redriveWay } from '../../src/generation/redrive.ts';
import type { decide } from '../../src/generation/state-machine.ts';
import type { Actor, Advanced } from './model-advance.ts';
import type { Situation } from './situation.ts';

/** The first generation of every schedule. */
export const FIRST_ID = GenerationId.parse('gen_01HZZZZZZZZZZZZZZZZZZZZZZZ');

/** How the ids begin of generations that an operator's redrive made. */
export const REDRIVEN_ID = 'gen_01J';

/** Mistakes that a program could have; each must be found out. Committed code has none of them. */
export interface Flaws {
  readonly decide?: typeof decide;
  readonly callsWithoutWinning?: true;
  readonly callsHoweverLate?: true;
  readonly savesBlindly?: true;
  readonly recordsWithoutDueTime?: true;
  readonly marksNotifiedFirst?: true;
  readonly believesEveryone?: true;
  readonly sendersAreAlike?: true;
  readonly redriveWay?: typeof redriveWay;
  readonly redriven?: typeof redriven;
  readonly redrivesEachTime?: true;
}

/** What one `advance` was called with. */
export interface Call {
  readonly events: readonly GenerationEvent[];
  readonly may: { readonly finish: boolean };
  readonly known: Generation | undefined;
  readonly now: number;
}

/** Notes what a schedule does; see trace.ts. */
export interface Recorder {
  /** The same Redis, and whatever is called of it from outside is noted. */
  watching<Redis extends object>(redis: Redis, world: World): Redis;
  /** The same steps, and whatever they do is noted as this call's. */
  following(call: Call, steps: Actor<Advanced[]>): Actor<Advanced[]>;
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
  /** Notes every atomic step; absent when nobody plays them again. */
  readonly recorder: Recorder | undefined;
  /** A name for one send. */
  newSender(): string;
  /** A moment, as the trace shows it. */
  clock(at: number | undefined): string;
}
