/**
 * A limit that nobody told us, found by trying: additive up, multiplicative down. It is written only
 * when a refusal lowers it; how far it has grown back since then follows from the time, so that
 * growing costs nothing. Pure arithmetic: the same for submissions in a window and for tasks at once.
 */
export interface FoundLimit {
  /** What it was lowered to. */
  readonly limit: number;
  /** When (Unix ms). */
  readonly since: number;
  /** What was in force when it was refused. */
  readonly refusedAt: number;
}

/** What a limit may grow to, and the span over which it counts. */
export interface Bounds {
  /** The documented limit, the operator's, or what the provider states: never above it. */
  readonly ceiling: number;
  readonly windowMs: number;
}

const LEAST = 1;
const LOWERED_TO = 0.5;
/** Of the ceiling, for every window without a refusal. */
const STEP = 0.05;
/** Up to this share of what was refused it comes back at that speed, and from there at a tenth. */
const NEAR = 0.9;
const SLOWER = 0.1;

/** The limit in force: the ceiling, or what was found below it. Never less than 1. */
export function limitAt(found: FoundLimit | undefined, bounds: Bounds, now: number): number {
  const { ceiling, windowMs } = bounds;
  if (!found) return ceiling;
  const windows = Math.max(now - found.since, 0) / windowMs;
  const step = Math.max(ceiling, LEAST) * STEP;
  const near = Math.max(found.refusedAt * NEAR, found.limit);
  const quickWindows = (near - found.limit) / step;
  const grown =
    windows <= quickWindows
      ? found.limit + windows * step
      : near + (windows - quickWindows) * step * SLOWER;
  return Math.max(Math.min(grown, ceiling), Math.min(LEAST, ceiling));
}

/**
 * What is found when the provider refuses.
 * @param sentAt when the refused submission left: one from before the last lowering says nothing new.
 * @returns undefined when it stays as it was.
 */
export function lowered(
  found: FoundLimit | undefined,
  bounds: Bounds,
  { now, sentAt }: { now: number; sentAt: number },
): FoundLimit | undefined {
  if (found && sentAt <= found.since) return undefined;
  const refusedAt = limitAt(found, bounds, now);
  return { limit: Math.max(refusedAt * LOWERED_TO, LEAST), since: now, refusedAt };
}

/** So finely a window is cut where its limit was found: who knows at which point of it we are. */
const SLICES = 10;

/** So many in each so long a span; together `limit` in a window, evenly. */
export function paced(limit: number, windowMs: number): { max: number; duration: number } {
  const max = Math.max(Math.floor(limit / SLICES), 1);
  return { max, duration: Math.max(Math.ceil((windowMs * max) / limit), 1) };
}
