import { z } from 'zod';
import { Defect, NotKnownHere } from '../generation/errors.ts';
import { Generation } from '../generation/generation.ts';

/**
 * A record is stored as its version, a newline and JSON: the compare-and-set reads the version
 * without parsing the rest, and one string is the smallest thing Redis can keep.
 */
export function encodeRecord(generation: Generation): string {
  const { version, ...rest } = generation;
  return `${version}\n${JSON.stringify(rest)}`;
}

/**
 * The newest format that this code reads. A record whose JSON says nothing has format 1; any change
 * of the record's shape, also one more field, is a new one: reading drops what it does not know.
 */
const FORMAT = 1;
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
