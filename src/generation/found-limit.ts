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

/** A limit of tasks at once counts over no span; it comes back as if over this one. */
export const RUNNING_WINDOW_MS = 60_000;

const LEAST = 1;
/** A refusal leaves between these shares of what was in force. */
const [LOWERED_MOST, LOWERED_LEAST] = [0.5, 0.9];
/** Of the ceiling, for every window without a refusal. */
const STEP = 0.05;
/** Up to this share of what was refused it comes back at that speed, and from there much slower. */
const NEAR = 0.9;
const SLOWER = 0.05;

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
 * What is found when the provider refuses: half of what was in force, or what it has just accepted,
 * if that is more. Lowered once in a window: the others of the same burst say the same.
 * @param met.accepted how many it took lately, by the same measure as the limit; as far as is known.
 * @param met.sentAt when the refused submission left.
 * @returns undefined when it stays as it was.
 */
export function lowered(
  found: FoundLimit | undefined,
  bounds: Bounds,
  met: { readonly now: number; readonly sentAt: number; readonly accepted: number },
): FoundLimit | undefined {
  if (found && met.sentAt <= found.since + bounds.windowMs) return undefined;
  const refusedAt = limitAt(found, bounds, met.now);
  const likely = Math.max(met.accepted, refusedAt * LOWERED_MOST);
  const limit = Math.max(Math.min(likely, refusedAt * LOWERED_LEAST), LEAST);
  return { limit, since: met.now, refusedAt };
}

/** Over so many of our windows a stated limit is a budget for the day: spent when it is, not evenly. */
const LONGEST_STATED_WINDOWS = 10;
/** What a provider has not said again for so long may not be so any more. */
const STATED_FOR_MS = 24 * 3_600_000;

/**
 * The most submissions in the documented window. What a provider states itself lowers it only:
 * whether that counts status checks as well, none says.
 */
export function submitCeiling(
  documented: { readonly max: number; readonly perMs: number },
  stated: {
    readonly limit?: number | undefined;
    readonly windowMs?: number | undefined;
    readonly at?: number | undefined;
  } = {},
  now: number,
): number {
  const { max, perMs } = documented;
  const { limit, windowMs = perMs, at = now } = stated;
  const isForToday = windowMs > LONGEST_STATED_WINDOWS * perMs;
  if (limit === undefined || isForToday || now - at > STATED_FOR_MS) return max;
  return Math.min(max, (limit * perMs) / windowMs);
}

/** So finely a window is cut where its limit was found: who knows at which point of it we are. */
const SLICES = 10;

/** So many in each so long a span; together `limit` in a window, evenly. */
export function paced(limit: number, windowMs: number): { max: number; duration: number } {
  const max = Math.max(Math.floor(limit / SLICES), 1);
  return { max, duration: Math.max(Math.ceil((windowMs * max) / limit), 1) };
}
