import { createHash } from 'node:crypto';
import { createRandom } from '../rig/random.ts';

/** Repeatable chance for one attempt: the same seed, family and number, the same attempt. */
export interface Chance {
  /** A whole number from 0 up to, but not including, `most`. */
  below(most: number): number;
  pick<T>(choices: readonly T[]): T;
  bytes(count: number): Buffer;
  /** Lower-case letters and digits. */
  word(length: number): string;
}

export function chanceOf(seed: number, family: string, index: number): Chance {
  const mixed = createHash('sha256').update(`${seed}/${family}/${index}`).digest().readUInt32LE();
  const { next } = createRandom(mixed);
  const below = (most: number): number => Math.floor(next() * most);
  return {
    below,
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new Error('Nothing to choose from.');
      return choices[below(choices.length)] as T; // within the list, which may hold undefined
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
    word: (length) => Array.from({ length }, () => below(36).toString(36)).join(''),
  };
}
