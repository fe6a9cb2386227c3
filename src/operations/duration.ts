/** How long something takes, for people: `45 s`, `12 min`, `4.2 h`. */
export function duration(ms: number): string {
  if (ms === 0) return 'no time';
  if (ms < 90_000) return `${Math.ceil(ms / 1_000)} s`;
  if (ms < 90 * 60_000) return `${Math.ceil(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
