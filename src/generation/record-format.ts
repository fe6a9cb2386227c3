import { Defect } from './errors.ts';
import { Generation } from './generation.ts';

/**
 * A record is stored as its version, a newline and JSON: the compare-and-set reads the version
 * without parsing the rest, and one string is the smallest thing Redis can keep.
 */
export function encodeRecord(generation: Generation): string {
  const { version, ...rest } = generation;
  return `${version}\n${JSON.stringify(rest)}`;
}

/** @throws Defect when the value is not a record that this code can read. */
export function decodeRecord(value: string): Generation {
  const split = value.indexOf('\n');
  try {
    const json: unknown = JSON.parse(value.slice(split + 1));
    return Generation.parse({ ...(json as object), version: Number(value.slice(0, split)) });
  } catch (error) {
    throw new Defect('A stored generation cannot be read.', { cause: error });
  }
}
