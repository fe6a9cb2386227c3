import type { Unsuccessful } from './generation.ts';

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

/** How each verdict that is Catwalk's own is learned; a provider's reason may have the same code. */
const OURS: Readonly<Record<string, { via: string; kind: ReasonClass }>> = {
  not_sent_in_time: { via: 'deadline', kind: 'never_accepted' },
  gave_up: { via: 'deadline', kind: 'task_known' },
  task_lost: { via: 'poll', kind: 'task_known' },
  outcome_unknown: { via: 'policy', kind: 'outcome_unknown' },
};

/**
 * The class of one that failed or timed out. Whatever is not certain counts as the class that pays
 * only when somebody says so.
 */
export function reasonClass(g: Unsuccessful): ReasonClass {
  const ours = Object.hasOwn(OURS, g.reason.code) ? OURS[g.reason.code] : undefined;
  if (ours?.via === g.via && (ours.kind !== 'task_known' || g.task)) return certain(ours.kind, g);
  if (g.via !== 'submit' || g.task) return 'provider_failed';
  // A final refusal. It speaks for its own send only: an earlier one may have been accepted.
  return g.firstSentAt === undefined ? certain('never_accepted', g) : 'outcome_unknown';
}

/**
 * What is known of the last send says nothing of an earlier attempt (there is one only because
 * nobody knew what had become of the first), nor of other sends that were not refused.
 */
function certain(kind: ReasonClass, { attempt, sends, refusals }: Unsuccessful): ReasonClass {
  const isOnlySend = attempt === 1 && sends - refusals <= 1;
  return kind === 'never_accepted' && !isOnlySend ? 'outcome_unknown' : kind;
}
