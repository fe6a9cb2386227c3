import type { InState } from './generation.ts';

/**
 * When a task that its provider does not know counts as lost. One odd answer ends nothing: a proxy,
 * a node that is behind or a wrong path says "unknown" too, and the work goes on meanwhile.
 */

/** So many checks in a row, and as far apart. An answer that it lives begins the count anew. */
const LEAST_CHECKS = 3;
const LEAST_SPAN_MS = 3 * 60_000;
/** Of the time that the provider has been allowed: until then it may only be slow to show it. */
const LEAST_SHARE = 0.5;

/** What a record holds of the checks that found no task. */
export interface MissingCount {
  readonly missingChecks: number;
  readonly missingSince: number;
}

/** One more check, asked at `askedAt` (Unix ms), found no task. */
export function missedOnceMore(g: InState<'submitted'>, askedAt: number): MissingCount {
  return {
    missingChecks: (g.missingChecks ?? 0) + 1,
    missingSince: g.missingSince ?? askedAt,
  };
}

/**
 * Whether the task is lost. Where a webhook is expected, never before the deadline: until then it
 * may come, and it knows better.
 */
export function isLost(
  g: InState<'submitted'>,
  { missingChecks, missingSince }: MissingCount,
  askedAt: number,
): boolean {
  const allowedMs = g.deadlineAt - g.submittedAt;
  const notBefore = g.mode === 'hybrid' ? g.deadlineAt : g.submittedAt + allowedMs * LEAST_SHARE;
  return (
    missingChecks >= LEAST_CHECKS && askedAt - missingSince >= LEAST_SPAN_MS && askedAt >= notBefore
  );
}

/** The provider knows the task after all, or it is another one. */
export function notMissing(g: InState<'submitted'>): InState<'submitted'> {
  const { missingChecks: _, missingSince: __, ...rest } = g;
  return rest;
}
