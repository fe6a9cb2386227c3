/** Nobody's Retry-After is heeded for longer than a day. */
export const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000;

/** Retry-After as milliseconds from now: seconds or an HTTP date, however far, never in the past. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const value = header?.trim() ?? '';
  const ms = /^\d+(\.\d+)?$/.test(value)
    ? Number(value) * 1000
    : // Date.parse finds a year in "-5" and in "wait 3600": a date has a weekday and a time of day.
      /^(mon|tue|wed|thu|fri|sat|sun).*\d\d:\d\d:\d\d/i.test(value)
      ? Date.parse(value) - now
      : Number.NaN;
  return ms > 0 ? Math.round(ms) : undefined;
}
