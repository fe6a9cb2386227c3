/** The value that `share` (0 to 1) of them do not exceed; NaN of none. @param sorted ascending. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(Math.ceil(sorted.length * share), sorted.length) - 1] ?? Number.NaN;
}
