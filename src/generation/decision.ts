import type { Generation } from './generation.ts';
import type { Rules } from './rules.ts';

/** What must happen because of a move. Each becomes a job with a deterministic id. */
export type Effect =
  | { kind: 'submit'; delayMs: number }
  | { kind: 'look-up' }
  | { kind: 'round'; at: number }
  | { kind: 'cancel-task' }
  | { kind: 'notify' }
  | { kind: 'notify-late' };

export type Decision =
  | { next: Generation; effects: readonly Effect[] }
  | { ignored: true; reason: string };

/** Under what a row of the state machine decides. */
export interface Context {
  now: number;
  rules: Rules;
}

/** A completion, or a late result, that is not notified after this long is notified again. */
export const NOTIFY_OVERDUE_MS = 30_000;
