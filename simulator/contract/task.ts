import type { Submission } from './submission.ts';

/** Why an accepted task ended badly. */
export type FailureKind = 'image-load' | 'moderation' | 'generation';

/** What can be said about a task at one moment. */
export type TaskView =
  | { state: 'live'; status: string }
  /** `data` is what the dialect's `judge` gave, where it has one. */
  | { state: 'completed'; resultUrls: string[]; status?: string; data?: unknown }
  | { state: 'failed'; kind: FailureKind; message: string; data?: unknown }
  | { state: 'canceled' };

/** How a task ends. `status` is for a good end that has a word of its own. */
export type Verdict =
  | { state: 'completed'; status?: string; data?: unknown }
  | { state: 'failed'; kind: FailureKind; message: string; data?: unknown }
  | { state: 'canceled' };

/** The part of a task that a dialect may see. */
export interface TaskFacts {
  readonly id: string;
  readonly submission: Submission;
  /** Unix milliseconds, real time. */
  readonly acceptedAtMs: number;
  readonly finishedAtMs: number | undefined;
}
