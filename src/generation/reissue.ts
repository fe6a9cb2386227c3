/** A submit or look-up job that may be lost is issued again after this long, then ever more rarely. */
export const REISSUE_FIRST_MS = 30_000;
const REISSUE_LONGEST_MS = 600_000;

/**
 * How long until the job of something that has waited for `ageMs` is issued again. Grows with age,
 * so that a long backlog is not issued again and again.
 */
export function reissueAfterMs(ageMs: number): number {
  return Math.min(Math.max(ageMs, REISSUE_FIRST_MS), REISSUE_LONGEST_MS);
}
