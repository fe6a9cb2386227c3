/** How patiently one kind of model is asked. All times in milliseconds. */
export interface PollProfile {
  /** First poll after the submission was accepted, when no webhook is expected. */
  firstAfterMs: number;
  /** Time between polls; grows by `factor` with every poll, up to `longestMs`. */
  everyMs: number;
  factor: number;
  longestMs: number;
  /** In hybrid mode: how long to wait for the webhook before the first poll. */
  webhookGraceMs: number;
  /** Then one last check, and `timed_out`. */
  giveUpAfterMs: number;
  /** Some providers are given up on after a number of polls instead. */
  maxPolls?: number | undefined;
  /** This long after giving up, one more check: the work may have been done all the same. 0: none. */
  lastCheckAfterMs?: number | undefined;
}

/** Jitter spreads due times by this share to either side, so that a burst does not stay one. */
const JITTER = 0.1;

/** The time until the first poll of a submission. `seed` makes the jitter repeatable. */
export function firstPollDelayMs(profile: PollProfile, hybrid: boolean, seed: string): number {
  return jittered(hybrid ? profile.webhookGraceMs : profile.firstAfterMs, seed);
}

/**
 * When to poll again after `polls` polls. Counts from the previous due time, so that lateness
 * does not add up; only when that moment has passed already (we were away) does it count from now.
 */
export function nextPollAt(
  profile: PollProfile,
  at: { previousDueAt: number; now: number; polls: number; seed: string },
): number {
  const steady = Math.min(profile.everyMs * profile.factor ** (at.polls - 1), profile.longestMs);
  const interval = jittered(steady, `${at.seed}${at.polls}`);
  const next = at.previousDueAt + interval;
  return Math.round(next > at.now ? next : at.now + interval);
}

/** Doubling waits with jitter: 1st try → about `firstMs`, never above `longestMs`. */
export function backoffMs(tries: number, firstMs: number, longestMs: number, seed: string): number {
  return jittered(Math.min(firstMs * 2 ** Math.max(tries - 1, 0), longestMs), `${seed}${tries}`);
}

/** Deterministic jitter: the state machine stays a pure function, and a replay is the same. */
function jittered(ms: number, seed: string): number {
  return Math.round(ms * (1 - JITTER + 2 * JITTER * unitHash(seed)));
}

/** FNV-1a with a final mix, scaled to [0, 1). */
function unitHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
