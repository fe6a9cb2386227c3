import { z } from 'zod';
import { Defect, NotKnownHere } from '../generation/errors.ts';
import { Generation, ProviderTask } from '../generation/generation.ts';

/** The last moment that a Date can name; no number of a record is larger. */
const LATEST_MS = 8_640_000_000_000_000;

/**
 * Of all but the input. That is held to its length once, when it is asked for: counted here again, an
 * input near the limit would leave no room for the answer of a submission that was paid for.
 */
const MAX_CHARACTERS = 2 * 1024 * 1024;

/**
 * A record is stored as its version, a newline and JSON: the compare-and-set reads the version
 * without parsing the rest, and one string is the smallest thing Redis can keep.
 *
 * Its shape is the compiler's word, and what adapters and apps say is held to schemas where it comes
 * in. Looked at here is what a type cannot say (JSON makes null of NaN), and the task of a paid
 * submission: such a record would be lost to everybody. Parsed as a whole, a write cost three times
 * as much.
 * @throws Defect for what could not be read again, or has no place in a schedule.
 */
export function encodeRecord(generation: Generation): string {
  const { version, ...rest } = generation;
  for (const [field, value] of Object.entries(generation)) {
    // Written so that NaN is none either.
    if (typeof value === 'number' && !(Math.abs(value) <= LATEST_MS)) {
      throw unfit(generation, `${field}: no moment and no count`);
    }
  }
  if (generation.state === 'submitted' && !ProviderTask.safeParse(generation.task).success) {
    throw unfit(generation, 'task: no task of a provider');
  }
  const isNewer = SINCE_2.some((field) => field in rest);
  const value = `${version}\n${JSON.stringify(isNewer ? { format: 2, ...rest } : rest)}`;
  if (value.length <= MAX_CHARACTERS) return value;
  // Twice to JSON, but only what is as long as that.
  if (value.length - JSON.stringify(generation.input).length <= MAX_CHARACTERS) return value;
  throw unfit(generation, `longer than ${MAX_CHARACTERS} characters, without its input`);
}

function unfit({ id }: Generation, why: string): Defect {
  return new Defect(`Generation ${id} is not saved: ${why}`);
}

/**
 * The newest format that this code reads. A record whose JSON says nothing has format 1; any change
 * of the record's shape, also one more field, is a new one: reading drops what it does not know.
 */
const FORMAT = 2;
/**
 * What code of format 1 would drop: a record that holds any of these is of format 2. Not `onceKey`:
 * without it a key is only remembered for longer. Nor `listPrice`, which nothing depends on.
 */
const SINCE_2 = [
  'isTest',
  'progress',
  'learned',
  'charge',
  'missingChecks',
  'missingSince',
  'isNotified',
  'lastCheckAt',
  'late',
  'said',
  'keptResults',
] as const;
const Formatted = z.object({ format: z.number().optional() });

/**
 * @throws NotKnownHere when newer code wrote it; it must be left as it is. Defect when the value is
 *   not a record at all.
 */
export function decodeRecord(value: string): Generation {
  const split = value.indexOf('\n');
  try {
    const json: unknown = JSON.parse(value.slice(split + 1));
    const { format = 1 } = Formatted.parse(json);
    if (format > FORMAT) throw new NotKnownHere(`a record of format ${format}`);
    return Generation.parse({ ...(json as object), version: Number(value.slice(0, split)) });
  } catch (error) {
    if (error instanceof NotKnownHere) throw error;
    throw new Defect('A stored generation cannot be read.', { cause: error });
  }
}

/**
 * A record; undefined when there is none; a Defect when it is there and cannot be read, NotKnownHere
 * when only newer code can.
 */
export type Read = Generation | Defect | NotKnownHere | undefined;

/** A stored record as `Read` says. */
export function decoded(value: string | null): Read {
  if (value === null) return undefined;
  try {
    return decodeRecord(value);
  } catch (error) {
    // It says what it throws.
    return error as Defect | NotKnownHere;
  }
}
