import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A repeatable source of chance: the same seed, the same numbers. */
export interface Random {
  /** From 0 up to, but not including, 1. */
  next(): number;
  /** A number between the two. */
  between(least: number, most: number): number;
  /** A whole number from 0 up to, but not including, `most`. */
  below(most: number): number;
  pick<T>(choices: readonly T[]): T;
  /** One of the keys, as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
  bytes(count: number): Buffer;
  /** Lower-case letters and digits. */
  word(length: number): string;
}

/** @param about what it is for: another list of words and numbers, other chances. */
export function createRandom(seed: number, ...about: readonly (string | number)[]): Random {
  const mixed = createHash('sha256')
    .update([seed, ...about].join('/'))
    .digest()
    .readInt32LE();
  const generator = xoroshiro128plus(mixed);
  const next = (): number => uniformFloat64(generator);
  const below = (most: number): number => uniformInt(generator, 0, most - 1);
  return {
    next,
    below,
    between: (least, most) => least + next() * (most - least),
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new Error('Nothing to choose from.');
      return choices[below(choices.length)] as T; // within the list, which may hold undefined
    },
    weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
      // Object.entries forgets the type of the keys.
      const entries = Object.entries(weights) as [Name, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) {
        left -= weight;
        if (left < 0) return name;
      }
      return (entries.at(-1) as [Name, number])[0];
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
    word: (length) => Array.from({ length }, () => below(36).toString(36)).join(''),
  };
}
