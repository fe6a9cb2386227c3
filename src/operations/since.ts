import { z } from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const MOMENT = z.union([
  z.iso.datetime({ offset: true }),
  z.iso.datetime({ offset: true, precision: -1 }),
]);
const ADVICE = 'give a time ago, such as 30s, 15m, 2h or 3d, or a moment such as 2026-05-01T12:00Z';

/** A moment in the past as Unix ms, from `2h` or an ISO 8601 time with its zone. */
export function sinceBefore(nowMs: number) {
  return z.string({ error: `is required: ${ADVICE}` }).transform((text, context) => {
    const at = momentOf(text.trim(), nowMs);
    if (at !== undefined && at <= nowMs) return at;
    context.addIssue(at === undefined ? ADVICE : 'is in the future');
    return z.NEVER;
  });
}

function momentOf(text: string, nowMs: number): number | undefined {
  const [, count, unit = ''] = /^(\d{1,4})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (UNIT_MS[unit] ?? 0);
  // Without its zone, a time would mean something else on every machine.
  return MOMENT.safeParse(text).success ? Date.parse(text) : undefined;
}
