// Facts: Replicate, "HTTP API" (`Cancel-After`), read 2026-11-21.

const SHORTEST_SECONDS = 5;
const SECONDS_OF: Readonly<Record<string, number>> = { h: 3_600, m: 60, s: 1 };

/** `90`, `90s`, `5m`, `1h30m45s`; undefined for what is none of them, or too short. */
export function secondsIn(text: string): number | undefined {
  if (!/^(\d+|(?=\d)(\d+h)?(\d+m)?(\d+s)?)$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([hms]?)/g)];
  const seconds = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (SECONDS_OF[unit || 's'] ?? 0),
    0,
  );
  return seconds >= SHORTEST_SECONDS ? seconds : undefined;
}
