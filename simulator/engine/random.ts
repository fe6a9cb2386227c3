/** A repeatable source of numbers in [0, 1), so that one seed gives one run's latencies. */
export function createRandom(seed: number): () => number {
  // Mulberry32: short, well spread, and good enough for spacing out imaginary work.
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
