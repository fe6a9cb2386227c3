import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, the longest first. One that begins last keeps all the others waiting. */
const LONGEST = [
  'contract/contract',
  'chaos/chaos',
  'attack/attack',
  'pipeline/stop',
  'pipeline/redis-away-a-minute',
  'pipeline/crashes',
  'interleavings/interleavings',
  'interleavings/flaws',
  'http/bull-board',
  'contract/simulator',
  'interleavings/replay',
];

/** Begins with what is known to take longest; everything else follows in Vitest's own order. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place < 0 ? LONGEST.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
