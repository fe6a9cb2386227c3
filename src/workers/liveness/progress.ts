/** What one worker is doing, and whether it has stopped doing anything. */
export interface Progress {
  /** Counts one job as under way for as long as `work` takes. */
  during<T>(work: () => Promise<T>): Promise<T>;
  underWay(): number;
  /**
   * Checks whether jobs wait that this worker could take. Never rejects.
   * @param anyJobs false when the queue is known to be empty: then it is not asked.
   */
  check(anyJobs: boolean): Promise<void>;
  /**
   * Why it is stuck, in words; undefined while it is not.
   * @param since Unix ms: nothing counts from before, for instance because Redis was away.
   */
  trouble(since: number): string | undefined;
}

/** A worker with free slots that takes nothing for so long, while jobs wait, fetches no more. */
const STARVED_AFTER_MS = 60_000;

/**
 * Follows one worker.
 * @param parts.longestMs longer than a job can possibly take; absent where nobody can say.
 * @param parts.couldTake whether the queue has a job that any worker may take at this moment.
 */
export function trackProgress(parts: {
  queue: string;
  concurrency: number;
  longestMs: number | undefined;
  couldTake: () => Promise<boolean>;
  now: () => number;
}): Progress {
  const { queue, concurrency, longestMs, couldTake, now } = parts;
  const jobs = new Set<{ readonly at: number }>();
  let taken = 0;
  let takenAtLastCheck = 0;
  /** The first of the checks in a row that found jobs waiting, and none taken since. */
  let starvedSince: number | undefined;

  return {
    async during(work) {
      const job = { at: now() };
      jobs.add(job);
      taken += 1;
      starvedSince = undefined;
      try {
        return await work();
      } finally {
        jobs.delete(job);
      }
    },
    underWay: () => jobs.size,
    async check(anyJobs) {
      const isIdle = taken === takenAtLastCheck && jobs.size < concurrency;
      takenAtLastCheck = taken;
      // Where Redis cannot say, nothing is known against the worker.
      const isPassedBy = anyJobs && isIdle && (await couldTake().catch(() => false));
      const starves = isPassedBy && taken === takenAtLastCheck;
      starvedSince = starves ? (starvedSince ?? now()) : undefined;
    },
    trouble(since) {
      const lasted = (at: number): number => now() - Math.max(at, since);
      if (longestMs !== undefined && [...jobs].some(({ at }) => lasted(at) > longestMs)) {
        return `${queue}: a job does not end`;
      }
      const isStarved = starvedSince !== undefined && lasted(starvedSince) >= STARVED_AFTER_MS;
      return isStarved ? `${queue}: jobs wait and none is taken` : undefined;
    },
  };
}
