/** For so long a check says something of how its provider is doing. */
const MEMORY_MS = 60_000;
/** So many tasks are lost one by one; more, and most of those asked about, are not. */
const MOST_LOST = 3;
const MOST_SHARE = 0.5;

export interface MissingWatch {
  /** A check was answered. */
  answered(taskId: string, isMissing: boolean): void;
  /** How many tasks were asked about lately, and of how many of them the provider knows nothing. */
  lately(): { readonly asked: number; readonly missing: number };
  /** Whether that says more about the provider, or about our settings, than about the tasks. */
  isOutage(): boolean;
}

/**
 * Watches whether a provider knows hardly any of our tasks all at once. Each process watches its own
 * checks: a wrong address is often that of one process, whose answers nobody else's should excuse.
 * What comes one by one, or with too few checks to tell, is left to the patience of missing-task.ts.
 */
export function createMissingWatch(now: () => number): MissingWatch {
  /** The last answer about each task, the oldest first. */
  const answers = new Map<string, { readonly at: number; readonly isMissing: boolean }>();

  function lately() {
    for (const [taskId, { at }] of answers) {
      if (at > now() - MEMORY_MS) break;
      answers.delete(taskId);
    }
    const missing = [...answers.values()].filter(({ isMissing }) => isMissing).length;
    return { asked: answers.size, missing };
  }

  return {
    answered(taskId, isMissing) {
      answers.delete(taskId);
      answers.set(taskId, { at: now(), isMissing });
    },
    lately,
    isOutage() {
      const { asked, missing } = lately();
      return missing > MOST_LOST && missing > asked * MOST_SHARE;
    },
  };
}
