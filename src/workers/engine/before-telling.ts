import type { FinalGeneration } from '../../generation/generation.ts';
import type { ShownResult } from '../../generation/kept-result.ts';

/** A generation that may be told of now, and its results as they are told. */
export interface Tellable {
  readonly generation: FinalGeneration;
  readonly results: readonly ShownResult[];
}

/**
 * What has to be done about results before anybody is told of them. Those that have to wait are left
 * out: the schedule asks again in time, and `Advance.tell` at once.
 */
export type BeforeTelling = (finished: readonly FinalGeneration[]) => Promise<readonly Tellable[]>;
