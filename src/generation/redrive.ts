import { recordOf } from './fields.ts';
import {
  attemptOf,
  type Completed,
  type Generation,
  type InState,
  type ProviderTask,
  type Unsuccessful,
} from './generation.ts';
import type { GenerationId } from './ids.ts';
import { reasonClass } from './reason-class.ts';
import type { Rules } from './rules.ts';

/**
 * Trying again what ended without a result. Final states are never left, so it is a new generation
 * with the same request; how it begins depends on what is known of the old one, so that it cannot
 * pay twice.
 */

/**
 * `late_result`    The provider said later that it is done: the new one is completed with that.
 * `check_again`     The task is known: polled again, nothing is submitted.
 * `same_key`       The same submission again, which the provider is sure to recognise.
 * `search`         Looked up first, submitted only when proven absent.
 * `submit_anew`    A new submission.
 * `may_pay_twice`  Only a new submission could help, and an earlier one may have been paid.
 */
export type RedriveWay =
  | 'late_result'
  | 'check_again'
  | 'same_key'
  | 'search'
  | 'submit_anew'
  | 'may_pay_twice';

/** What must be known of the provider. */
type RepeatRules = Pick<Rules, 'repeatSubmit' | 'keyWindowMs'>;

/**
 * How a redrive that is due at `dueAt` begins. The state machine looks at the key's window again
 * when it sends: one that has closed by then is not sent.
 * @param payAgain somebody decided that a second payment is all right.
 */
export function redriveWay(
  g: Unsuccessful,
  { rules, dueAt, payAgain }: { rules: RepeatRules; dueAt: number; payAgain: boolean },
): RedriveWay {
  if (g.late?.outcome.verdict === 'completed') return 'late_result';
  const anew = payAgain ? 'submit_anew' : 'may_pay_twice';
  switch (reasonClass(g)) {
    case 'never_accepted':
      return 'submit_anew';
    case 'task_known':
      return 'check_again';
    case 'provider_failed':
      return anew;
    case 'outcome_unknown':
      // A key, a reference or a search covers the last attempt only.
      if (g.attempt > 1) return anew;
      if (rules.repeatSubmit === 'search') return 'search';
      if (rules.repeatSubmit === 'unique-reference') return 'same_key';
      if (rules.repeatSubmit === 'none') return anew;
      return dueAt < firstSentAt(g) + rules.keyWindowMs ? 'same_key' : anew;
  }
}

/** What a redrive needs besides the old record. Times in Unix ms. */
export interface RedriveStart {
  readonly id: GenerationId;
  readonly now: number;
  /** When its first step is to be taken. */
  readonly dueAt: number;
  readonly maxQueuedMs: number;
  readonly giveUpAfterMs: number;
}

/**
 * The new generation; undefined when this way begins none. Its due time brings everything else, so
 * recording it is all there is to do.
 */
export function redriven(
  old: Unsuccessful,
  way: RedriveWay,
  start: RedriveStart,
): (Generation & { dueAt: number }) | undefined {
  const { now, dueAt } = start;
  const common = commonOf(old, start);
  const deadlineAt = dueAt + start.maxQueuedMs;
  switch (way) {
    case 'may_pay_twice':
      return undefined;
    case 'submit_anew':
      return recordOf<InState<'queued'>>({
        ...common,
        state: 'queued',
        deadlineAt,
        // Uploads, for instance, may have expired by now.
        prepared: undefined,
        hold: undefined,
      });
    case 'late_result':
      return completedLate(old, common, now);
    case 'check_again':
      return old.task && lookingAgain(old.task, common, start);
    case 'same_key':
    case 'search':
      return recordOf<InState<'unconfirmed'>>({
        ...common,
        // The old generation's webhook URL goes with its attempt, so this one is not called.
        mode: 'polling',
        goesOnWith: attemptOf(old),
        prepared: old.prepared,
        state: 'unconfirmed',
        deadlineAt,
        firstSentAt: firstSentAt(old),
        // Nothing of the old one was under way any more when it ended.
        unconfirmedAt: Math.min(old.finishedAt, now),
        resendAt: dueAt,
        // A refusal now would prove nothing about the send before it.
        uncertain: true,
        rejection: undefined,
      });
  }
}

/** What was asked for is the old one's, what became of it is not. */
function commonOf(old: Unsuccessful, { id, now, dueAt }: RedriveStart) {
  const { tenant, provider, model, mode, input, metadata, callbackUrl, isTest, listPrice } = old;
  const { lane, keptResults } = old;
  return {
    id,
    tenant,
    provider,
    model,
    mode,
    input,
    metadata,
    callbackUrl,
    isTest,
    lane,
    keptResults,
    version: 1,
    createdAt: now,
    listPrice,
    onceKey: undefined,
    attempt: 1,
    sends: 0,
    refusals: 0,
    denials: undefined,
    redriveOf: old.id,
    goesOnWith: undefined,
    dueAt,
  };
}

/** It has its outcome from the beginning, and owes it to its subscribers. */
function completedLate(
  { late, task, submittedAt }: Unsuccessful,
  common: ReturnType<typeof commonOf>,
  now: number,
): (Completed & { dueAt: number }) | undefined {
  if (late?.outcome.verdict !== 'completed') return undefined;
  return recordOf<Completed & { dueAt: number }>({
    ...common,
    state: 'completed',
    results: late.outcome.results,
    submittedAt,
    finishedAt: now,
    via: late.via,
    polls: 0,
    task: late.taskId === undefined || late.taskId === task?.id ? task : { id: late.taskId },
    // The old generation says what the task cost.
    charge: undefined,
    firstSentAt: undefined,
    prepared: undefined,
  });
}

function lookingAgain(
  task: ProviderTask,
  common: ReturnType<typeof commonOf>,
  start: RedriveStart,
): InState<'submitted'> {
  return recordOf<InState<'submitted'>>({
    ...common,
    state: 'submitted',
    task,
    submittedAt: start.now,
    deadlineAt: start.dueAt + start.giveUpAfterMs,
    polls: 0,
    hintedAt: undefined,
    said: undefined,
    unansweredSince: undefined,
    missingChecks: undefined,
    missingSince: undefined,
    providerStatus: undefined,
    progress: undefined,
    learned: undefined,
    // The old generation says what the task cost.
    charge: undefined,
  });
}

/** Records of an earlier version do not say: then it was not before they were created. */
function firstSentAt(g: Unsuccessful): number {
  return g.firstSentAt ?? g.createdAt;
}

/** Longer than any record is kept (RETENTION_MS is 90 days at most). */
const REMEMBERED_MS = 100 * 24 * 3_600_000;

/**
 * What makes all redrives of one generation the same new one. No app's own key can be this: those
 * are fingerprints.
 */
export function redriveOnce(id: GenerationId) {
  return { key: `redrive-${id}`, bodyFingerprint: 'redrive', lifetimeMs: REMEMBERED_MS };
}
