/** Dice that fall the same way for the same seed, so that a schedule can be played again. */
export interface Dice {
  /** 0 to `n` - 1. */
  below(n: number): number;
  /** True once in so many throws. */
  oneIn(n: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
}

/** Mulberry32 (Tommy Ettinger, public domain): a few nanoseconds a throw. */
export function diceOf(seed: number): Dice {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  const below = (n: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((((t ^ (t >>> 14)) >>> 0) * n) / 2 ** 32) | 0;
  };
  return {
    below,
    oneIn: (n) => below(n) === 0,
    // `below` answers an index of the list.
    pick: <T>(list: readonly [T, ...T[]]) => list[below(list.length)] as T,
  };
}
