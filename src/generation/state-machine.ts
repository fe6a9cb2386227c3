/**
 * The life of a generation.
 *
 * `queued`       Accepted and recorded; nothing is being sent. It may carry a hold (the provider
 *                said "not now"). Leaves when a worker starts to send, when the app cancels, when
 *                it waited too long, or when an authentic delivery proves that the provider has it
 *                after all (Redis lost its last second, or an older attempt succeeded late).
 * `submitting`   The intent to send is recorded and the request may be in flight. Leaves when the
 *                provider accepted, refused or rejected it, when the answer is lost, or when a
 *                webhook overtakes the answer.
 * `unconfirmed`  The request left and its answer was lost. Nobody may send again until that is
 *                safe: with the same key (idempotency-key, unique-reference), once a search proved
 *                absence (search), or by the policy after a grace period (none). A webhook, whose
 *                URL carries our token, proves acceptance at any time.
 * `submitted`    The provider's task is known; a webhook or a poll will tell. Leaves with a final
 *                observation, a cancel, or by giving up after one last check.
 * `completed`, `failed`, `timed_out`, `canceled`
 *                The outcome. Never left. Due until every subscriber's job exists: until it is notified.
 *                What ended by a guess of ours still listens: see late-result.ts.
 *
 * Every state × event pair is a row below; late, duplicate, early and contradictory events are
 * rows too. `decide` does no I/O. Effects may be repeated safely.
 */
import { type Context, type Decision, NOTIFY_OVERDUE_MS } from './decision.ts';
import type { EventOf, EventType, GenerationEvent } from './events.ts';
import { commonOf, recordOf } from './fields.ts';
import type {
  Charge,
  Completed,
  FinalGeneration,
  Generation,
  GenerationState,
  InState,
  Outcome,
  ProviderTask,
  Reason,
  Unsuccessful,
} from './generation.ts';
import { type Hold, isDenial } from './hold-reasons.ts';
import {
  checkOnHint,
  lastCheckAnswered,
  lastCheckFailed,
  lastCheckMissed,
  lastCheckOf,
  lateResultNotified,
  learnTaskLate,
  newsOf,
  noteLateResult,
  outcomeNotified,
} from './late-result.ts';
import { isLost, missedOnceMore, notMissing } from './missing-task.ts';
import { backoffMs, firstPollDelayMs, nextPollAt } from './poll-timing.ts';
import { REISSUE_FIRST_MS, reissueAfterMs } from './reissue.ts';
import type { Rules } from './rules.ts';
import { believedWord, withoutDeniedWord, withWord } from './signed-word.ts';
import { outcomeOf, VERDICTS, type VerdictCode, type Via } from './verdicts.ts';

/** ASSUMPTION: after this long a provider's search shows what it has accepted. */
const SEARCH_SETTLES_MS = 15_000;
/** While a provider leaves status checks unanswered, each task is asked about at least so often. */
const LONGEST_SILENT_WAIT_MS = 60_000;

/** How soon a lost answer is followed up by a resend; doubles each time. */
const RECONCILE_FIRST_MS = 1_000;
const RECONCILE_LONGEST_MS = 60_000;

type Row<S extends GenerationState, T extends EventType> = (
  generation: InState<S>,
  event: EventOf<T>,
  context: Context,
) => Decision;

type Table = { [S in GenerationState]: { [T in EventType]: Row<S, T> } };

/**
 * What an event means for a generation at a moment.
 * @param now Unix milliseconds; the only clock there is.
 * @returns the next record (same version; the store counts) and effects, or why nothing changes.
 */
export function decide(
  generation: Generation,
  event: GenerationEvent,
  now: number,
  rules: Rules,
): Decision {
  // The table pairs each row with its own state and event; TypeScript cannot follow the two keys.
  const row = TABLE[generation.state][event.type] as Row<GenerationState, EventType>;
  return row(generation, event, { now, rules });
}

const ignore =
  (reason: string): (() => Decision) =>
  () => ({ ignored: true, reason });

/**
 * A round that lost its compare-and-set decides again about a record that has moved on and is not
 * due any more: to act then would cut short a request in flight, or a grace period.
 */
function onceDue<G extends Generation>(
  row: (generation: G, event: unknown, context: Context) => Decision,
): typeof row {
  return (g, event, context) =>
    g.dueAt !== undefined && context.now < g.dueAt
      ? { ignored: true, reason: 'not-due' }
      : row(g, event, context);
}

const OTHER_ATTEMPT = { ignored: true, reason: 'other-attempt' } as const;

const COMPLETED_ROWS = {
  prepared: ignore('already-final'),
  held: ignore('already-final'),
  'submit-started': ignore('already-final'),
  'submit-accepted': ignore('already-final'),
  'submit-deferred': ignore('already-final'),
  'submit-rejected': ignore('already-final'),
  'submit-unknown': ignore('already-final'),
  'absence-proven': ignore('already-final'),
  'observed-live': ignore('already-final'),
  'observed-final': ignore('already-final'),
  'observed-missing': ignore('already-final'),
  hint: ignore('already-final'),
  'poll-failed': ignore('already-final'),
  overdue: onceDue(tellAgain),
  cancel: ignore('already-final'),
  notified: markNotified,
  'late-notified': ignore('already-notified'),
};

const UNSUCCESSFUL_ROWS = {
  ...COMPLETED_ROWS,
  'submit-accepted': (g: Unsuccessful, event: EventOf<'submit-accepted'>, c: Context) =>
    learnTaskLate(g, event.task, c),
  'observed-live': afterTheEnd,
  'observed-final': noteLateResult,
  'observed-missing': (g: Unsuccessful, event: EventOf<'observed-missing'>, c: Context) =>
    lastCheckMissed(g, event.askedAt, c),
  hint: checkOnHint,
  'poll-failed': lastCheckFailed,
  notified: (g: Unsuccessful, _event: unknown, c: Context) => outcomeNotified(g, c),
  'late-notified': (g: Unsuccessful, _event: unknown, c: Context) => lateResultNotified(g, c),
};

const TABLE: Table = {
  queued: {
    prepared: (g, event) => ({ next: { ...g, prepared: event.data }, effects: [] }),
    held: holdInPlace,
    'submit-started': startSending,
    'submit-accepted': (g, event, c) => becomeSubmitted(g, event, c),
    'submit-deferred': holdBack,
    'submit-rejected': onRejection,
    'submit-unknown': ignore('not-sending'),
    'absence-proven': ignore('not-sending'),
    'observed-live': adoptLive,
    'observed-final': (g, event, c) =>
      g.attempt > 1 && event.outcome.verdict !== 'completed'
        ? OTHER_ATTEMPT
        : endUnasked(g, event, c),
    'observed-missing': ignore('not-polling'),
    hint: adoptHint,
    'poll-failed': ignore('not-polling'),
    overdue: onceDue(submitAgain),
    cancel: (g, _event, c) => endBy(g, 'canceled_by_app', c),
    notified: ignore('not-final'),
    'late-notified': ignore('not-final'),
  },

  submitting: {
    prepared: ignore('already-sending'),
    held: ignore('already-sending'),
    'submit-started': ignore('already-sending'),
    'submit-accepted': (g, event, c) => becomeSubmitted(g, event, c),
    'submit-deferred': onRefusal,
    'submit-rejected': onRejection,
    'submit-unknown': (g, event, c) =>
      event.send === g.sends ? becomeUnconfirmed(g, c) : { ignored: true, reason: 'other-send' },
    'absence-proven': ignore('already-sending'),
    'observed-live': adoptLive,
    'observed-final': endUnasked,
    'observed-missing': ignore('not-polling'),
    hint: adoptHint,
    'poll-failed': ignore('not-polling'),
    overdue: onceDue((g: InState<'submitting'>, _event, c) => becomeUnconfirmed(g, c)),
    cancel: (g) =>
      g.cancelRequested
        ? { ignored: true, reason: 'cancel-pending' }
        : { next: { ...g, cancelRequested: true }, effects: [] },
    notified: ignore('not-final'),
    'late-notified': ignore('not-final'),
  },

  unconfirmed: {
    prepared: ignore('already-sent'),
    held: resendLater,
    'submit-started': resend,
    'submit-accepted': (g, event, c) => becomeSubmitted(g, event, c),
    'submit-deferred': onRefusal,
    'submit-rejected': onRejection,
    'submit-unknown': ignore('already-unconfirmed'),
    'absence-proven': believeAbsence,
    'observed-live': adoptLive,
    'observed-final': endUnasked,
    'observed-missing': ignore('not-polling'),
    hint: adoptHint,
    'poll-failed': ignore('not-polling'),
    overdue: onceDue(reconcile),
    cancel: (g, _event, c) => endBy(g, 'canceled_by_app', c),
    notified: ignore('not-final'),
    'late-notified': ignore('not-final'),
  },

  submitted: {
    prepared: ignore('already-accepted'),
    held: ignore('already-accepted'),
    'submit-started': ignore('already-accepted'),
    'submit-accepted': learnTask,
    'submit-deferred': ignore('already-accepted'),
    'submit-rejected': ignore('already-accepted'),
    'submit-unknown': ignore('already-accepted'),
    'absence-proven': ignore('already-accepted'),
    'observed-live': (g, event, c) => stillLive(withoutDeniedWord(g, event, c.now), event, c),
    'observed-final': (g, event, c) =>
      (isOtherTask(g, event.taskId) || isOtherAttempt(g, event)) &&
      event.outcome.verdict !== 'completed'
        ? OTHER_ATTEMPT
        : finish(counted(g, event), event.outcome, learnedBy(g, event), c, event.charge),
    'observed-missing': (g, event, c) =>
      // Whoever signs that the task ended knows of it: a check that does not is a check that failed.
      g.said ? failedButSigned(g, { type: 'poll-failed' }, c) : missing(g, event, c),
    hint: (g, event, c) => checkNow(withWord(g, event, c.now), event, c),
    'poll-failed': failedButSigned,
    overdue: ignore('a-poll-decides'),
    cancel: cancelTask,
    notified: ignore('not-final'),
    'late-notified': ignore('not-final'),
  },

  completed: COMPLETED_ROWS,
  failed: UNSUCCESSFUL_ROWS,
  timed_out: UNSUCCESSFUL_ROWS,
  canceled: UNSUCCESSFUL_ROWS,
};

// ── before and while sending ────────────────────────────────────────────────────────────────────

function startSending(
  g: InState<'queued'>,
  event: EventOf<'submit-started'>,
  { now, rules }: Context,
): Decision {
  if (now >= g.deadlineAt) return endBy(g, 'not_sent_in_time', { now, rules });
  if (g.hold && g.hold.until > now) return { ignored: true, reason: 'held' };
  return {
    next: recordOf<InState<'submitting'>>({
      ...unsentOf(g),
      state: 'submitting',
      sender: event.sender,
      sends: g.sends + 1,
      deadlineAt: g.deadlineAt,
      firstSentAt: now,
      uncertain: undefined,
      cancelRequested: undefined,
      dueAt: now + rules.sendOverdueMs,
    }),
    effects: [],
  };
}

/** The same send again: only where the provider is sure to recognise it. */
function resend(
  g: InState<'unconfirmed'>,
  event: EventOf<'submit-started'>,
  { now, rules }: Context,
): Decision {
  if (!mayResend(g, now, rules)) return { ignored: true, reason: 'not-reconciled' };
  if (g.resendAt > now) return { ignored: true, reason: 'held' };
  return {
    next: recordOf<InState<'submitting'>>({
      ...unsentOf(g),
      state: 'submitting',
      sender: event.sender,
      sends: g.sends + 1,
      deadlineAt: g.deadlineAt,
      firstSentAt: g.firstSentAt,
      uncertain: true,
      cancelRequested: undefined,
      dueAt: now + rules.sendOverdueMs,
    }),
    effects: [],
  };
}

function mayResend(
  g: Pick<InState<'unconfirmed'>, 'deadlineAt' | 'firstSentAt' | 'rejection'>,
  now: number,
  rules: Rules,
): boolean {
  if (now >= g.deadlineAt || g.rejection) return false;
  if (rules.repeatSubmit === 'unique-reference') return true;
  return rules.repeatSubmit === 'idempotency-key' && now < g.firstSentAt + rules.keyWindowMs;
}

/** Nothing is sent for now, by our own choice. Its job waits where it is. */
function holdInPlace(g: InState<'queued'>, event: EventOf<'held'>, { now }: Context): Decision {
  if (g.hold && g.hold.until >= event.until) return { ignored: true, reason: 'held' };
  const { reason, until } = event;
  const dueAt = Math.min(until + reissueAfterMs(now - g.createdAt), g.deadlineAt);
  return { next: { ...g, hold: { reason, until }, dueAt }, effects: [] };
}

function resendLater(
  g: InState<'unconfirmed'>,
  event: EventOf<'held'>,
  { now, rules }: Context,
): Decision {
  if (!mayResend(g, event.until, rules)) return { ignored: true, reason: 'not-reconciled' };
  if (g.resendAt >= event.until) return { ignored: true, reason: 'held' };
  const dueAt = Math.min(event.until + reissueAfterMs(now - g.unconfirmedAt), g.deadlineAt);
  return { next: { ...g, resendAt: event.until, dueAt }, effects: [] };
}

/** "Not now". Proves that nothing was accepted, unless an earlier send is unaccounted for. */
function onRefusal(
  g: InState<'submitting' | 'unconfirmed'>,
  event: EventOf<'submit-deferred'>,
  context: Context,
): Decision {
  if (event.send !== g.sends) return { ignored: true, reason: 'other-send' };
  const refused = refusedOnceMore(g, event);
  if (g.uncertain) return becomeUnconfirmed(refused, context, event.until);
  if (g.state === 'submitting' && g.cancelRequested) return endBy(g, 'canceled_by_app', context);
  const hold = { reason: event.reason, until: event.until };
  return becomeQueued(refused, context, { delayMs: event.until - context.now, hold });
}

/** A free step before the submission met a "not now". */
function holdBack(
  g: InState<'queued'>,
  event: EventOf<'submit-deferred'>,
  context: Context,
): Decision {
  if (event.send !== g.sends) return { ignored: true, reason: 'other-send' };
  if (g.hold?.until === event.until) return { ignored: true, reason: 'held' };
  const hold = { reason: event.reason, until: event.until };
  const refused = refusedOnceMore(g, event);
  return becomeQueued(refused, context, { delayMs: event.until - context.now, hold });
}

function refusedOnceMore<G extends InState<'queued' | 'submitting' | 'unconfirmed'>>(
  g: G,
  { reason }: EventOf<'submit-deferred'>,
): G {
  const refused = { ...g, refusals: g.refusals + 1 };
  return isDenial(reason) ? { ...refused, denials: (g.denials ?? 0) + 1 } : refused;
}

function onRejection(
  g: InState<'queued' | 'submitting' | 'unconfirmed'>,
  event: EventOf<'submit-rejected'>,
  context: Context,
): Decision {
  if (event.send !== g.sends) return { ignored: true, reason: 'other-send' };
  if (g.state === 'queued' || !g.uncertain) {
    const { deadlineAt, dueAt } = g;
    const unsent = recordOf<InState<'queued'>>({
      ...unsentOf(g),
      state: 'queued',
      deadlineAt,
      hold: undefined,
      dueAt,
    });
    return finish(unsent, { verdict: 'failed', reason: event.reason }, 'submit', context);
  }
  // An earlier send may have been accepted all the same: its webhook gets the grace period.
  return becomeUnconfirmed({ ...g, rejection: event.reason }, context);
}

/** The submit job may be lost (a crash between record and job), or only waiting its turn. */
function submitAgain(g: InState<'queued'>, _event: unknown, context: Context): Decision {
  const { now } = context;
  if (now >= g.deadlineAt) return endBy(g, 'not_sent_in_time', context);
  return {
    next: { ...g, dueAt: Math.min(now + reissueAfterMs(now - g.createdAt), g.deadlineAt) },
    effects: [{ kind: 'submit', delayMs: Math.max((g.hold?.until ?? 0) - now, 0) }],
  };
}

// ── when the answer was lost ────────────────────────────────────────────────────────────────────

function becomeUnconfirmed(
  g: InState<'submitting' | 'unconfirmed'> & { rejection?: Reason | undefined },
  context: Context,
  notBefore = 0,
): Decision {
  const { now, rules } = context;
  if (g.state === 'submitting' && g.cancelRequested) return endBy(g, 'canceled_by_app', context);
  const unconfirmed = {
    ...unsentOf(g),
    state: 'unconfirmed' as const,
    deadlineAt: g.deadlineAt,
    firstSentAt: g.firstSentAt,
    uncertain: g.uncertain,
    rejection: g.rejection,
    unconfirmedAt: g.state === 'unconfirmed' ? g.unconfirmedAt : now,
  };
  const wait = backoffMs(g.sends, RECONCILE_FIRST_MS, RECONCILE_LONGEST_MS, g.id);
  const resendAt = Math.max(now + wait, notBefore);
  if (mayResend(unconfirmed, resendAt, rules)) {
    return {
      next: recordOf<InState<'unconfirmed'>>({
        ...unconfirmed,
        resendAt,
        dueAt: resendAt + REISSUE_FIRST_MS,
      }),
      effects: [{ kind: 'submit', delayMs: resendAt - now }],
    };
  }
  const dueAt =
    now + (rules.repeatSubmit === 'search' ? SEARCH_SETTLES_MS : rules.unconfirmedGraceMs);
  return {
    next: recordOf<InState<'unconfirmed'>>({ ...unconfirmed, resendAt, dueAt }),
    effects: [{ kind: 'round', at: dueAt }],
  };
}

function reconcile(g: InState<'unconfirmed'>, _event: unknown, context: Context): Decision {
  const { now, rules } = context;
  if (mayResend(g, now, rules)) {
    return {
      next: { ...g, dueAt: now + reissueAfterMs(now - g.unconfirmedAt) },
      effects: [{ kind: 'submit', delayMs: Math.max(g.resendAt - now, 0) }],
    };
  }
  if (g.rejection) {
    return finish(g, { verdict: 'failed', reason: g.rejection }, 'submit', context);
  }
  if (rules.repeatSubmit === 'search' && now < g.deadlineAt) {
    return {
      next: { ...g, dueAt: now + reissueAfterMs(now - g.unconfirmedAt) },
      effects: [{ kind: 'look-up' }],
    };
  }
  if (rules.onUnknownOutcome === 'fail') return endBy(g, 'outcome_unknown', context);
  return becomeQueued({ ...g, attempt: g.attempt + 1, refusals: 0, denials: undefined }, context, {
    delayMs: 0,
  });
}

/** A look-up that ran late or twice may have asked before the search shows this very send. */
function believeAbsence(
  g: InState<'unconfirmed'>,
  event: EventOf<'absence-proven'>,
  context: Context,
): Decision {
  if (event.send !== g.sends) return { ignored: true, reason: 'other-send' };
  if (event.askedAt < g.unconfirmedAt + SEARCH_SETTLES_MS) {
    return { ignored: true, reason: 'asked-too-early' };
  }
  return becomeQueued(g, context, { delayMs: 0 });
}

function becomeQueued(
  g: InState<'queued' | 'submitting' | 'unconfirmed'>,
  { now }: Context,
  plan: { delayMs: number; hold?: Hold },
): Decision {
  const delayMs = Math.max(plan.delayMs, 0);
  return {
    next: recordOf<InState<'queued'>>({
      ...unsentOf(g),
      state: 'queued',
      deadlineAt: g.deadlineAt,
      hold: plan.hold,
      // A hold may be longer than the app will wait.
      dueAt: Math.min(now + delayMs + REISSUE_FIRST_MS, g.deadlineAt),
    }),
    effects: [{ kind: 'submit', delayMs }],
  };
}

// ── once the provider has it ────────────────────────────────────────────────────────────────────

function becomeSubmitted(
  g: InState<'queued' | 'submitting' | 'unconfirmed'>,
  { task, outcome, charge }: Omit<EventOf<'submit-accepted'>, 'type'>,
  context: Context,
): Decision {
  const { now, rules } = context;
  if (g.state === 'submitting' && g.cancelRequested) {
    return cancelTask({ ...g, task }, undefined, context);
  }
  const deadlineAt = now + rules.poll.giveUpAfterMs;
  // A grace longer than the patience must not make the last check late.
  const firstPollAt = now + firstPollDelayMs(rules.poll, g.mode === 'hybrid', g.id);
  // Its end is on its way to `completions` already, unless a crash came between.
  const dueAt = outcome ? now + NOTIFY_OVERDUE_MS : Math.min(firstPollAt, deadlineAt);
  return {
    next: recordOf<InState<'submitted'>>({
      ...commonOf(g),
      state: 'submitted',
      task,
      submittedAt: now,
      deadlineAt,
      dueAt,
      polls: 0,
      hintedAt: undefined,
      said: undefined,
      unansweredSince: undefined,
      missingChecks: undefined,
      missingSince: undefined,
      providerStatus: undefined,
      progress: undefined,
      learned: outcome,
      charge,
    }),
    effects: [{ kind: 'round', at: dueAt }],
  };
}

/** An authentic delivery names the task before the submit answer did: the answer is not needed. */
function adoptLive(
  g: InState<'queued' | 'submitting' | 'unconfirmed'>,
  event: EventOf<'observed-live'>,
  context: Context,
): Decision {
  if (isOtherAttempt(g, event)) return OTHER_ATTEMPT;
  if (event.source !== 'webhook' || event.taskId === undefined) {
    return { ignored: true, reason: 'no-task-named' };
  }
  return becomeSubmitted(g, { task: { id: event.taskId } }, context);
}

function adoptHint(
  g: InState<'queued' | 'submitting' | 'unconfirmed'>,
  event: EventOf<'hint'>,
  context: Context,
): Decision {
  if (isOtherAttempt(g, event)) return OTHER_ATTEMPT;
  const adopted = becomeSubmitted(g, { task: { id: event.taskId } }, context);
  if ('ignored' in adopted || adopted.next.state !== 'submitted') return adopted;
  return checkNow(withWord(adopted.next, event, context.now), event, context);
}

/** The submit answer is the authority on the task, also when a webhook spoke first. */
function learnTask(g: InState<'submitted'>, event: EventOf<'submit-accepted'>): Decision {
  const isKnown = g.task.id === event.task.id && g.task.handle === event.task.handle;
  if (isKnown && !event.outcome) {
    return { ignored: true, reason: 'already-accepted' };
  }
  const { task, charge = g.charge, outcome: learned = g.learned } = event;
  const found = { ...(charge && { charge }), ...(learned && { learned }) };
  return { next: { ...notMissing(g), task, ...found }, effects: [] };
}

function stillLive(
  g: InState<'submitted'>,
  event: EventOf<'observed-live'>,
  context: Context,
): Decision {
  if (event.source === 'poll')
    return pollAgain(withStatus(notMissing(heard(g, context)), event), event, context);
  const next = withStatus(notMissing(g), event);
  const isNews =
    next.providerStatus !== g.providerStatus ||
    next.progress !== g.progress ||
    g.missingChecks !== undefined;
  return isNews ? { next, effects: [] } : { ignored: true, reason: 'nothing-new' };
}

function withStatus(
  g: InState<'submitted'>,
  { status, progress = g.progress }: EventOf<'observed-live'>,
): InState<'submitted'> {
  return { ...g, providerStatus: status, ...(progress !== undefined && { progress }) };
}

function pollAgain(
  g: InState<'submitted'>,
  event: EventOf<'observed-live'>,
  context: Context,
): Decision {
  const { now, rules } = context;
  const polls = g.polls + 1;
  if (event.askedAt !== undefined && g.hintedAt !== undefined && g.hintedAt >= event.askedAt) {
    return checkNow({ ...g, polls }, event, context);
  }
  // An answer that was long under way is not the last check.
  const isLastCheck = (event.askedAt ?? now) >= g.deadlineAt;
  if (isLastCheck || polls >= (rules.poll.maxPolls ?? Number.POSITIVE_INFINITY)) {
    return endBy({ ...g, polls }, 'gave_up', context);
  }
  const next = nextPollAt(rules.poll, { previousDueAt: g.dueAt, now, polls, seed: g.id });
  const dueAt = Math.min(next, g.deadlineAt);
  return { next: { ...g, polls, dueAt }, effects: [{ kind: 'round', at: dueAt }] };
}

/**
 * A failed request is not a failed generation, and an outage is no verdict: only after a long
 * silence is it given up. Asked ever more rarely meanwhile.
 */
function pollFailed(
  g: InState<'submitted'>,
  event: EventOf<'poll-failed'>,
  context: Context,
): Decision {
  const { now, rules } = context;
  // Time in which we did not ask is nobody's silence.
  const notAskedMs = g.unansweredSince === undefined ? 0 : Math.max(now - g.dueAt, 0);
  const unansweredSince = (g.unansweredSince ?? now) + notAskedMs;
  const silenceMs = now - unansweredSince;
  if (now >= g.deadlineAt && silenceMs >= rules.unansweredMs) {
    return endBy(g, 'gave_up', context);
  }
  const usual = nextPollAt(rules.poll, {
    previousDueAt: now,
    now,
    polls: g.polls + 1,
    seed: g.id,
  });
  const patience = now + Math.min(silenceMs / 4, LONGEST_SILENT_WAIT_MS);
  const dueAt = Math.round(Math.max(usual, patience, now + (event.retryAfterMs ?? 0)));
  return { next: { ...g, unansweredSince, dueAt }, effects: [{ kind: 'round', at: dueAt }] };
}

/** A status check was answered. Time in which none was does not count as the provider's. */
function heard(g: InState<'submitted'>, { now, rules }: Context): InState<'submitted'> {
  const { unansweredSince, ...rest } = g;
  if (unansweredSince === undefined) return g;
  const latest = g.submittedAt + rules.poll.giveUpAfterMs + rules.unansweredMs;
  return { ...rest, deadlineAt: Math.min(g.deadlineAt + now - unansweredSince, latest) };
}

function missing(
  g: InState<'submitted'>,
  event: EventOf<'observed-missing'>,
  context: Context,
): Decision {
  const { now, rules } = context;
  const polls = g.polls + 1;
  const { askedAt = now } = event;
  const count = missedOnceMore(g, askedAt);
  const answered = { ...heard(g, context), ...count, polls };
  if (isLost(answered, count, askedAt)) return endBy(answered, 'task_lost', context);
  const dueAt = nextPollAt(rules.poll, { previousDueAt: g.dueAt, now, polls, seed: g.id });
  return { next: { ...answered, dueAt }, effects: [{ kind: 'round', at: dueAt }] };
}

/** A check that could not tell: what was signed counts, if it has waited long enough, or for good. */
function failedButSigned(
  g: InState<'submitted'>,
  event: EventOf<'poll-failed'>,
  context: Context,
): Decision {
  const word = believedWord(g, context.now);
  const decision = pollFailed(g, event, context);
  const hasEnded = 'next' in decision && decision.next.state !== 'submitted';
  const said = word ?? (hasEnded ? g.said : undefined);
  return said ? finish(g, said.outcome, 'webhook', context, said.charge) : decision;
}

function checkNow(g: InState<'submitted'>, event: GenerationEvent, { now }: Context): Decision {
  if (event.type === 'hint' && isOtherAttempt(g, event)) return OTHER_ATTEMPT;
  const hintedAt = event.type === 'hint' ? now : g.hintedAt;
  return {
    next: { ...g, ...(hintedAt !== undefined && { hintedAt }), dueAt: now },
    effects: [{ kind: 'round', at: now }],
  };
}

function cancelTask(
  g: InState<'submitting' | 'submitted'> & { task: ProviderTask },
  _event: unknown,
  context: Context,
): Decision {
  const decision = endBy(g, 'canceled_by_app', context);
  if ('ignored' in decision || !context.rules.canCancel) return decision;
  return { ...decision, effects: [...decision.effects, { kind: 'cancel-task' }] };
}

/** A check that an unsigned webhook asked for is the webhook's merit, and says so. */
function learnedBy(g: InState<'submitted'>, event: EventOf<'observed-final'>): Via {
  return event.source === 'poll' && g.hintedAt !== undefined ? 'hint' : event.source;
}

function counted(g: InState<'submitted'>, event: EventOf<'observed-final'>): InState<'submitted'> {
  return event.source === 'poll' ? { ...g, polls: g.polls + 1 } : g;
}

/** What an older attempt's webhook says is no word about this one, except that it brought a result. */
function isOtherAttempt(g: Generation, { attempt }: { attempt?: number | undefined }): boolean {
  return attempt !== undefined && attempt !== g.attempt;
}

function isOtherTask(g: InState<'submitted'>, taskId: string | undefined): boolean {
  return taskId !== undefined && taskId !== g.task.id;
}

// ── the end ─────────────────────────────────────────────────────────────────────────────────────

/** Told by an authentic delivery, before the submission's answer was. */
function endUnasked(
  g: InState<'queued' | 'submitting' | 'unconfirmed'>,
  event: EventOf<'observed-final'>,
  context: Context,
): Decision {
  const { outcome, source, charge } = event;
  if (outcome.verdict !== 'completed' && isOtherAttempt(g, event)) return OTHER_ATTEMPT;
  return finish(g, outcome, source, context, charge);
}

/** A verdict of our own. */
function endBy(g: Parameters<typeof finish>[0], code: VerdictCode, context: Context): Decision {
  return finish(g, outcomeOf(code), VERDICTS[code].via, context);
}

function finish(
  g: InState<'queued' | 'submitting' | 'unconfirmed' | 'submitted'> & { task?: ProviderTask },
  outcome: Outcome,
  via: Via,
  context: Context,
  charge?: Charge,
): Decision {
  const { now } = context;
  const ended = {
    ...commonOf(g),
    submittedAt: g.state === 'submitted' ? g.submittedAt : undefined,
    task: g.task,
    charge: charge ?? (g.state === 'submitted' ? g.charge : undefined),
    // A redrive must know that the provider may have it, and may have to send the same again.
    firstSentAt: 'firstSentAt' in g ? g.firstSentAt : undefined,
    prepared: 'firstSentAt' in g ? g.prepared : undefined,
    finishedAt: now,
    via,
    polls: g.state === 'submitted' ? g.polls : 0,
    dueAt: now + NOTIFY_OVERDUE_MS,
  };
  const next: Generation =
    outcome.verdict === 'completed'
      ? recordOf<Completed>({ ...ended, state: 'completed', results: outcome.results })
      : recordOf<Unsuccessful>({
          ...ended,
          state: outcome.verdict,
          reason: outcome.reason,
          isNotified: undefined,
          lastCheckAt: lastCheckOf(g, { outcome, via }, context),
          said: undefined,
          late: undefined,
        });
  return { next, effects: [{ kind: 'notify' }] };
}

function tellAgain(g: FinalGeneration, _event: unknown, { now }: Context): Decision {
  if (g.dueAt === undefined) return { ignored: true, reason: 'already-notified' };
  const effects = newsOf(g);
  if (effects.length === 0) return { ignored: true, reason: 'a-poll-decides' };
  return { next: { ...g, dueAt: now + NOTIFY_OVERDUE_MS }, effects };
}

/** What else the provider says of one that ended in vain. */
function afterTheEnd(g: Unsuccessful, event: EventOf<'observed-live'>, context: Context): Decision {
  if (event.source === 'poll') return lastCheckAnswered(g, event.askedAt, context);
  const { taskId } = event;
  return learnTaskLate(g, taskId === undefined ? undefined : { id: taskId }, context);
}

function markNotified(g: Completed): Decision {
  if (g.dueAt === undefined) return { ignored: true, reason: 'already-notified' };
  const { dueAt: _, ...rest } = g;
  return { next: rest, effects: [] };
}

/** What is still needed as long as the submission may have to be sent (again). */
function unsentOf(g: InState<'queued' | 'submitting' | 'unconfirmed'>) {
  return { ...commonOf(g), prepared: g.prepared };
}
