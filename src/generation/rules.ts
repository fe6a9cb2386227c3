import type { PollProfile } from './poll-timing.ts';

/**
 * What a provider can do about a repeated submission, and so what may be done when an answer is
 * lost: send the same key again, send the same unique reference again, search first, or nothing.
 */
export type RepeatSubmit = 'idempotency-key' | 'unique-reference' | 'search' | 'none';

/** What the state machine must know of a provider, a model and the settings. */
export interface Rules {
  repeatSubmit: RepeatSubmit;
  /** For `idempotency-key`: how long the provider remembers a key, less a margin. */
  keyWindowMs: number;
  /** What to do when an answer stays lost. `resubmit` may pay twice: it is never the default. */
  onUnknownOutcome: 'fail' | 'resubmit';
  /** How long an unconfirmed generation waits for its webhook when nothing else can tell. */
  unconfirmedGraceMs: number;
  /** After this long without an answer a send counts as lost. Longer than the request timeout. */
  sendOverdueMs: number;
  /** Past its deadline, a task whose status checks go unanswered is given up after this long. */
  unansweredMs: number;
  /** Whether the provider can be asked to stop a task. */
  canCancel: boolean;
  poll: PollProfile;
}
