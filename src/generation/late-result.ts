import { type Context, type Decision, type Effect, NOTIFY_OVERDUE_MS } from './decision.ts';
import type { EventOf } from './events.ts';
import type {
  Completed,
  Generation,
  LateResult,
  Outcome,
  ProviderTask,
  Unsuccessful,
} from './generation.ts';
import { classAtEnd } from './reason-class.ts';
import { BELIEVED_AFTER_MS, believedWord } from './signed-word.ts';
import { ownVerdict, type Via } from './verdicts.ts';

/**
 * Late truth. What we ended by a guess of our own (the time was up, the task seemed lost, nobody
 * knew) may have been done, and paid for, all the same. Its outcome and its one completion event
 * stand for ever; what the provider says afterwards is noted beside them:
 *
 * - The first success stays. It is notified once, as an event of its own; not to an app that canceled.
 * - A failure is noted until a success comes, and nobody is notified: for the app nothing changes.
 *
 * Deliveries are listened to for as long as the record is kept. Besides, there is one last check,
 * long after giving up; and a delivery that is not believed at once brings a check. If for minutes
 * none can tell, the result that was signed counts, as it does before the end.
 */

/** A last check that brings no answer is made again after this long; the waits double. */
const CHECK_AGAIN_FIRST_MS = 30_000;
/** One that a delivery asked for does not wait for longer. */
const LONGEST_AFTER_HINT_MS = 10 * 60_000;

/** A late success as the completion that it would have been, for whoever keeps or shows its results. */
export function asCompleted(g: Generation): Completed | undefined {
  if (g.state === 'completed') return g;
  if (!('late' in g) || g.late?.outcome.verdict !== 'completed') return undefined;
  const { reason: _, isNotified: __, lastCheckAt: ___, late: ____, said: _____, ...rest } = g;
  const { results } = g.late.outcome;
  return { ...rest, state: 'completed', results, finishedAt: g.late.at };
}

/** Ended without a result, and there is a task to ask about. */
export type Checkable = Unsuccessful & { task: ProviderTask; lastCheckAt: number };

const ignored = (reason: string): Decision => ({ ignored: true, reason });

/** Whether all that a record owes at this moment is its last check. */
export function isLastCheckDue(g: Generation, now: number): g is Checkable {
  if (!('lastCheckAt' in g) || g.lastCheckAt === undefined || !g.task) return false;
  return g.lastCheckAt <= now && newsOf(g).length === 0;
}

/** When what ends so is to be checked one last time; undefined where there is nothing to ask. */
export function lastCheckOf(
  g: { readonly task?: ProviderTask | undefined },
  end: { readonly outcome: Outcome; readonly via: Via },
  context: Context,
): number | undefined {
  const { outcome, via } = end;
  if (!g.task || outcome.verdict === 'completed' || outcome.verdict === 'canceled') {
    return undefined;
  }
  return ownVerdict(outcome.reason.code, via) && plannedAfter(context.now, context);
}

function plannedAfter(at: number, { rules }: Pick<Context, 'rules'>): number | undefined {
  const { lastCheckAfterMs = 0 } = rules.poll;
  return lastCheckAfterMs > 0 ? at + lastCheckAfterMs : undefined;
}

// ── what comes after the end ────────────────────────────────────────────────────────────────────

/** The provider's own word, from somebody who is to be believed. */
export function noteLateResult(
  g: Unsuccessful,
  event: EventOf<'observed-final'>,
  context: Context,
): Decision {
  const { now } = context;
  const { outcome, source, taskId, charge } = event;
  const isSuccess = outcome.verdict === 'completed';
  if (!mayBeNoted(g, event)) {
    return isLastCheckDue(g, now) ? lastCheckAnswered(g, now, context) : ignored('already-final');
  }
  const isOwed = isSuccess && g.state !== 'canceled';
  const late: LateResult = {
    outcome,
    at: now,
    via: source,
    ...(taskId !== undefined && { taskId }),
    ...(charge && { charge }),
    ...(isOwed && { isOwed }),
  };
  const { lastCheckAt: _, said: __, ...rest } = g;
  const effects: Effect[] = isOwed ? [{ kind: 'notify-late' }] : [];
  return { next: dueNext({ ...rest, late }, isNotified(g), now), effects };
}

/** Only now is it known which task it was: it can be asked about. */
export function learnTaskLate(
  g: Unsuccessful,
  task: ProviderTask | undefined,
  { now, rules }: Context,
): Decision {
  const isAskable = g.state !== 'canceled' && isOurGuess(g) && !g.late;
  if (!task || g.task || !isAskable) return ignored('already-final');
  const lastCheckAt = plannedAfter(now, { rules });
  const next = { ...g, task, ...(lastCheckAt !== undefined && { lastCheckAt }) };
  return { next: dueNext(next, isNotified(g), now), effects: [] };
}

/** A delivery that is not believed at once says that the task ended: go and look. */
export function checkOnHint(g: Unsuccessful, event: EventOf<'hint'>, { now }: Context): Decision {
  if (g.state === 'canceled' || !isOurGuess(g) || hasLateSuccess(g)) {
    return ignored('already-final');
  }
  const task = g.task ?? { id: event.taskId };
  const isResult = event.said?.outcome.verdict === 'completed' && task.id === event.taskId;
  const said = g.said ?? (isResult && event.said ? { ...event.said, at: now } : undefined);
  const hinted = { ...g, task, ...(said && { said }), lastCheckAt: now };
  const next = dueNext(hinted, isNotified(g), now);
  return { next, effects: next.dueAt === now ? [{ kind: 'round', at: now }] : [] };
}

/** It was asked, and the provider does not know the task: what was signed counts after a while. */
export function lastCheckMissed(
  g: Unsuccessful,
  askedAt: number | undefined,
  context: Context,
): Decision {
  if (!g.said || !isLastCheckDue(g, askedAt ?? context.now)) {
    return lastCheckAnswered(g, askedAt, context);
  }
  const lastCheckAt = g.said.at + BELIEVED_AFTER_MS;
  return (
    byWord(g, context) ?? { next: dueNext({ ...g, lastCheckAt }, true, context.now), effects: [] }
  );
}

/** The result that was signed, once it has waited long enough for a check that can tell. */
function byWord(g: Unsuccessful, context: Context): Decision | undefined {
  const word = believedWord(g, context.now);
  if (!word) return undefined;
  const { outcome, charge } = word;
  return noteLateResult(g, { type: 'observed-final', source: 'webhook', outcome, charge }, context);
}

/** It was asked, and there is no end to be learned: a check that came early leaves the planned one. */
export function lastCheckAnswered(
  g: Unsuccessful,
  askedAt: number | undefined,
  context: Context,
): Decision {
  const { now } = context;
  if (!isLastCheckDue(g, askedAt ?? now)) return ignored('already-final');
  // Whatever was signed before was about another task: this one was seen alive.
  const { lastCheckAt: _, said: __, ...rest } = g;
  const planned = plannedAfter(g.finishedAt, context);
  const next = planned !== undefined && planned > now ? { ...rest, lastCheckAt: planned } : rest;
  return { next: dueNext(next, true, now), effects: [] };
}

/** Nobody answered: again, ever more rarely, for as long as open ones are asked about. */
export function lastCheckFailed(
  g: Unsuccessful,
  { retryAfterMs = 0 }: EventOf<'poll-failed'>,
  context: Context,
): Decision {
  const { now, rules } = context;
  if (!isLastCheckDue(g, now)) return ignored('already-final');
  const byNow = byWord(g, context);
  if (byNow) return byNow;
  const planned = plannedAfter(g.finishedAt, context) ?? g.finishedAt;
  if (now >= planned + rules.unansweredMs) return lastCheckAnswered(g, undefined, context);
  const waited =
    now >= planned ? now - planned : Math.min(now - g.finishedAt, LONGEST_AFTER_HINT_MS);
  const lastCheckAt = now + Math.max(CHECK_AGAIN_FIRST_MS, waited, retryAfterMs);
  return { next: dueNext({ ...g, lastCheckAt }, true, now), effects: [] };
}

// ── what is owed ────────────────────────────────────────────────────────────────────────────────

/** What subscribers have not been notified of yet. */
export function newsOf(g: Completed | Unsuccessful): Effect[] {
  const outcome: Effect[] = isNotified(g) ? [] : [{ kind: 'notify' }];
  return 'late' in g && g.late?.isOwed ? [...outcome, { kind: 'notify-late' }] : outcome;
}

/** Every subscriber's job of the outcome exists. */
export function outcomeNotified(g: Unsuccessful, { now }: Context): Decision {
  if (isNotified(g)) return ignored('already-notified');
  return { next: dueNext(g, true, now), effects: [] };
}

/** Every subscriber's job of the late result exists. */
export function lateResultNotified(g: Unsuccessful, { now }: Context): Decision {
  if (!g.late?.isOwed) return ignored('already-notified');
  const { isOwed: _, ...late } = g.late;
  return { next: dueNext({ ...g, late }, isNotified(g), now), effects: [] };
}

function isNotified(g: Completed | Unsuccessful): boolean {
  return g.dueAt === undefined || ('isNotified' in g && g.isNotified === true);
}

/** The record, due when the next thing is owed. `notified`: whether its outcome is. */
function dueNext(g: Unsuccessful, notified: boolean, now: number): Unsuccessful {
  const { isNotified: _, dueAt: __, ...rest } = g;
  const dueAt = notified && !g.late?.isOwed ? g.lastCheckAt : now + NOTIFY_OVERDUE_MS;
  if (dueAt === undefined) return rest;
  return { ...rest, ...(notified && { isNotified: true as const }), dueAt };
}

/** Whether this is more than we knew. */
function mayBeNoted(g: Unsuccessful, event: EventOf<'observed-final'>): boolean {
  const isEarlier = g.attempt > 1 && !isOwnTask(g, event);
  if (!isOurGuess(g) && !isEarlier) return false;
  if (event.outcome.verdict === 'completed') return !hasLateSuccess(g);
  return g.late === undefined && g.state !== 'canceled' && isOwnTask(g, event);
}

// ── whom to believe ─────────────────────────────────────────────────────────────────────────────

/** Ended by us, without the provider's word on the task; the app's cancel is such an end too. */
function isOurGuess(g: Unsuccessful): boolean {
  return ownVerdict(g.reason.code, g.via) !== undefined || classAtEnd(g) === 'outcome_unknown';
}

/**
 * Whether the last attempt is spoken of. A failure speaks for its own task alone; the success of an
 * earlier attempt, of which nobody knew, was paid for whatever became of the last.
 */
function isOwnTask(
  g: Unsuccessful,
  { taskId, attempt }: Pick<EventOf<'observed-final'>, 'taskId' | 'attempt'>,
): boolean {
  if (attempt !== undefined && attempt !== g.attempt) return false;
  if (!g.task) return g.attempt === 1 || attempt !== undefined;
  return taskId === undefined || taskId === g.task.id;
}

function hasLateSuccess(g: Unsuccessful): boolean {
  return g.late?.outcome.verdict === 'completed';
}
