import { wordOf } from './word-of.ts';

/**
 * The one source of what Catwalk itself can say about the end of a generation: the names of the
 * outcomes, the ways in which one is learned, what trying again may cost, and every verdict that is
 * our own.
 */

/** How a generation ends when it brings no result. */
export const UNSUCCESSFUL = ['failed', 'timed_out', 'canceled'] as const;
/** How a generation ends: its outcome, and its final state. */
export const OUTCOMES = ['completed', ...UNSUCCESSFUL] as const;

/** Who can tell us that a task ended. */
export const SOURCES = ['webhook', 'poll', 'submit'] as const;

/**
 * How an outcome was learned: from whoever told it; `hint` for a check that an unsigned webhook
 * asked for; and by ourselves, for a time that ran out, the app's cancel or the operator's policy.
 */
export const VIAS = [...SOURCES, 'hint', 'deadline', 'cancel', 'policy'] as const;
export const Via = wordOf(VIAS);
export type Via = (typeof VIAS)[number];

/**
 * What is known about the provider's side of a generation that ended without a result, and so what
 * trying it again may cost.
 *
 * `never_accepted`   No submission was ever accepted: a new one is the first.
 * `task_known`       The provider took it and we know its task: looking again is free.
 * `outcome_unknown`  A submission left and nobody knows whether it was accepted.
 * `provider_failed`  The provider took it and ended it without a result: only a new, paid
 *                    submission could bring one.
 */
export const REASON_CLASSES = [
  'never_accepted',
  'task_known',
  'outcome_unknown',
  'provider_failed',
] as const;
export type ReasonClass = (typeof REASON_CLASSES)[number];

interface Verdict {
  readonly outcome: (typeof UNSUCCESSFUL)[number];
  readonly via: Via;
  /** Where the record bears it out; see reason-class.ts. */
  readonly class: ReasonClass;
  /** For people; the code is for programs. */
  readonly sentence: string;
}

/**
 * By reason code. Stored records and apps hold these codes for months: a code that is renamed is a
 * new one, and its records would be read as a provider's own reason.
 */
export const VERDICTS = {
  not_sent_in_time: {
    outcome: 'timed_out',
    via: 'deadline',
    class: 'never_accepted',
    sentence: 'The provider could not take it in time.',
  },
  gave_up: {
    outcome: 'timed_out',
    via: 'deadline',
    class: 'task_known',
    sentence: 'The provider did not finish within the time allowed.',
  },
  task_lost: {
    outcome: 'failed',
    via: 'poll',
    class: 'task_known',
    sentence: 'The provider no longer knows this task.',
  },
  outcome_unknown: {
    outcome: 'failed',
    via: 'policy',
    class: 'outcome_unknown',
    sentence: 'The provider never confirmed the submission; it was not sent again.',
  },
  /** Nobody tries again what the app gave up; the provider may have gone on with it. */
  canceled_by_app: {
    outcome: 'canceled',
    via: 'cancel',
    class: 'provider_failed',
    sentence: 'The app canceled this generation.',
  },
} as const satisfies Record<string, Verdict>;
export type VerdictCode = keyof typeof VERDICTS;

/** The outcome that a verdict of ours brings. */
export function outcomeOf(code: VerdictCode) {
  const { outcome, sentence } = VERDICTS[code];
  return { verdict: outcome, reason: { code, message: sentence } };
}

/**
 * Our own verdict with this code; undefined when it is a provider's, which may use the same word:
 * then it was learned in another way.
 */
export function ownVerdict(code: string, via: string): Verdict | undefined {
  const verdict = isOurs(code) ? VERDICTS[code] : undefined;
  return verdict?.via === via ? verdict : undefined;
}

function isOurs(code: string): code is VerdictCode {
  return Object.hasOwn(VERDICTS, code);
}
