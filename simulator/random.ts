import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A repeatable source of numbers in [0, 1), so that one seed gives one run's latencies. */
export function createRandom(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => (generator.next() >>> 0) / 2 ** 32;
}
