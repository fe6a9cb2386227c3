import { asItEnded, type Unsuccessful } from './generation.ts';
import { ownVerdict, type ReasonClass } from './verdicts.ts';

/**
 * The class of one that failed or timed out. Whatever is not certain counts as the class that pays
 * only when somebody says so. What the provider said later is certain.
 */
export function reasonClass(g: Unsuccessful): ReasonClass {
  if (g.late) return g.late.outcome.verdict === 'completed' ? 'task_known' : 'provider_failed';
  const atEnd = classAtEnd(g);
  const isLearnedLate = g.task !== undefined && g.submittedAt === undefined;
  return atEnd === 'outcome_unknown' && isLearnedLate ? 'task_known' : atEnd;
}

/** The class as it was at the end: a task that was never accepted in time became known later. */
export function classAtEnd(record: Unsuccessful): ReasonClass {
  const g = asItEnded(record);
  const ours = ownVerdict(g.reason.code, g.via);
  if (ours && (ours.class !== 'task_known' || g.task)) return certain(ours.class, g);
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
