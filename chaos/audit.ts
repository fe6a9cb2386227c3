import type { RepeatSubmit } from '../src/generation/rules.ts';
import type { Asked, Record as Shown } from './app.ts';
import type { Books } from './books.ts';
import { repeatSubmitOf } from './catalogue.ts';
import type { Heard } from './heard.ts';
import { compareNeighbours, type Neighbours } from './neighbours.ts';

/** Every party's books. */
export interface Evidence {
  readonly asked: readonly Asked[];
  /** What the pipeline shows of each accepted generation, by id. */
  readonly records: ReadonlyMap<string, Shown | undefined>;
  readonly heard: readonly Heard[];
  /** When each generation was called back, Unix ms. */
  readonly calledAtMs: ReadonlyMap<string, number>;
  readonly books: Books;
  readonly redisKilledAtMs: readonly number[];
  /** Jobs that were given up and wait for a person. */
  readonly deadJobs: number;
  readonly endedByThemselves: number;
}

export interface Findings extends Omit<Neighbours, 'uncalled'> {
  readonly planned: number;
  readonly accepted: number;
  readonly limited429: number;
  readonly refused503: number;
  readonly unanswered: number;
  /** To the app and to providers, where only "not now" may be said. */
  readonly answered500: number;
  /** Accepted, and gone without a trace, or final and never notified. */
  readonly lost: number;
  /** Those of the lost that were accepted within a second before a Redis was killed. */
  readonly lostWithRedis: number;
  readonly open: number;
  readonly paid: number;
  readonly paidTwice: Readonly<Record<RepeatSubmit, number>>;
  readonly byOutcome: Readonly<Record<string, number>>;
  readonly learnedBy: Readonly<Record<string, number>>;
  /** Of quiet tenants, told but never called back. */
  readonly uncalled: number;
  /** Generations with another number of completion events than one. */
  readonly notToldOnce: number;
  /** Done after we gave up. */
  readonly late: number;
  /** Of those, not told as exactly one event; and any that were not even noticed. */
  readonly lateLost: number;
  /** Files that were paid for, and how many of them nobody has kept. */
  readonly files: number;
  readonly unkept: number;
  /** Deliveries of completion events for each generation notified, repeats included. */
  readonly deliveriesPerGeneration: number;
  readonly forgedAccepted: number;
  /** Ended otherwise than the provider did. */
  readonly wrongOutcome: number;
  /** Failed honestly as "nobody knows": a person has to ask the provider. */
  readonly outcomeUnknown: number;
  /** Share of what was accepted and not lost with Redis. */
  readonly resolvedAlone: number;
  readonly deadJobs: number;
  readonly endedByThemselves: number;
  /** Ids to look for in the logs, by what is wrong with them. */
  readonly suspects: Readonly<Record<string, readonly string[]>>;
}

/** `everysec`: what was written in the last second need not be on disk. */
const LAST_SECOND_MS = 1_000;
const FINAL = new Set(['completed', 'failed', 'timed_out', 'canceled']);
/** Reasons that end a generation without knowing what became of it at the provider. */
const NEEDS_A_PERSON = new Set(['outcome_unknown', 'task_lost', 'gave_up', 'not_sent_in_time']);
/** Whose forged deliveries a signature gives away; elsewhere a delivery is only a hint. */
const SIGNING = new Set(['fitinview', 'atelier', 'vtryon', 'replicate', 'fal']);
const MOST_SUSPECTS = 20;

/** Compares the books. Does no I/O. */
export function audit(evidence: Evidence): Findings {
  const { asked, records, heard, books } = evidence;
  const suspects: Record<string, string[]> = {};
  const suspect = (why: string, who: string): void => {
    const found = suspects[why] ?? [];
    suspects[why] = found;
    if (found.length < MOST_SUSPECTS) found.push(who);
  };

  const accepted = asked.flatMap(({ id, acceptedAtMs, planned }) =>
    id === undefined || acceptedAtMs === undefined ? [] : [{ id, acceptedAtMs, planned }],
  );
  const ends = heard.filter(({ isLate }) => !isLate);
  const events = eventsByGeneration(ends);
  const lateEvents = eventsByGeneration(heard.filter(({ isLate }) => isLate));
  let [lost, lostWithRedis, open, notToldOnce, wrong, forged, unknown, alone] = Array(8).fill(0);
  let [late, lateLost, files, unkept] = [0, 0, 0, 0];
  const byOutcome: Record<string, number> = {};
  const learnedBy: Record<string, number> = {};

  for (const { id, acceptedAtMs, planned } of accepted) {
    const record = records.get(id);
    const told = events.get(id)?.size ?? 0;
    const isFinal = record !== undefined && FINAL.has(record.status);
    count(byOutcome, record?.status ?? 'gone');
    if (record?.via) count(learnedBy, record.via);
    if (!record || (isFinal && told === 0)) {
      const isLastSecond = evidence.redisKilledAtMs.some(
        (at) => acceptedAtMs <= at + LAST_SECOND_MS && acceptedAtMs >= at - LAST_SECOND_MS,
      );
      if (isLastSecond) lostWithRedis += 1;
      lost += 1;
      suspect('lost', id);
    } else if (!isFinal) {
      open += 1;
      suspect('open', id);
    }
    if (told > 1) {
      notToldOnce += 1;
      suspect('told as more than one event', id);
    }
    if (!isFinal) continue;
    const reason = record.reason ?? '';
    const isLate = record.late === 'completed';
    if (isLate) late += 1;
    files += record.files;
    unkept += record.files - record.kept;
    if (record.kept < record.files) suspect('result not kept', `${id} ${planned.provider}`);
    if (isLateLost(record, planned, lateEvents.get(id)?.size ?? 0)) {
      lateLost += 1;
      suspect('late result lost', `${id} ${planned.provider} ${planned.scenario} ${reason}`);
    }
    const needsPerson = NEEDS_A_PERSON.has(reason) && !isLate;
    if (reason === 'outcome_unknown') unknown += 1;
    if (needsPerson) suspect(reason, `${id} ${planned.provider} ${planned.scenario}`);
    else if (told > 0) alone += 1;
    const expected = planned.scenario === 'moderation' ? 'failed' : 'completed';
    if (!needsPerson && !isLate && record.status !== expected) {
      wrong += 1;
      if (planned.scenario === 'forged-signature') forged += 1;
      suspect('wrong outcome', `${id} ${planned.provider} ${planned.scenario} ${reason}`);
    }
  }

  const payments = countPayments(books, suspect);
  const { uncalled, ...neighbours } = compareNeighbours(evidence);
  for (const id of uncalled) suspect('never called back', id);
  return {
    planned: asked.length,
    accepted: accepted.length,
    limited429: asked.reduce((sum, { limited }) => sum + limited, 0),
    refused503: asked.reduce((sum, { refused }) => sum + refused, 0),
    unanswered: asked.reduce((sum, { unanswered }) => sum + unanswered, 0),
    answered500:
      asked.reduce((sum, { broken }) => sum + broken, 0) +
      webhooksOf(books).filter(({ answeredStatus }) => answeredStatus === 500).length,
    lost,
    lostWithRedis,
    open,
    ...payments,
    byOutcome,
    learnedBy,
    notToldOnce,
    ...neighbours,
    uncalled: uncalled.length,
    late,
    lateLost,
    files,
    unkept,
    deliveriesPerGeneration: events.size === 0 ? 0 : ends.length / events.size,
    forgedAccepted: forged + forgedAnswered(books),
    wrongOutcome: wrong,
    outcomeUnknown: unknown,
    resolvedAlone: alone / Math.max(accepted.length - lostWithRedis, 1),
    deadJobs: evidence.deadJobs,
    endedByThemselves: evidence.endedByThemselves,
    suspects,
  };
}

/** @param told as how many different events a late result was told. */
function isLateLost(record: Shown, planned: Asked['planned'], told: number): boolean {
  const isLate = record.late === 'completed';
  const mustBe = planned.scenario === 'late-truth' && record.status !== 'completed';
  return told !== (isLate ? 1 : 0) || (mustBe && !isLate);
}

/** Distinct event ids of each generation. */
function eventsByGeneration(heard: readonly Heard[]): Map<string, Set<string>> {
  const events = new Map<string, Set<string>>();
  for (const { generationId, eventId } of heard) {
    const known = events.get(generationId) ?? new Set();
    events.set(generationId, known.add(eventId));
  }
  return events;
}

/** One request of the app's is one marker; every paid submission beyond its first is one too many. */
function countPayments(books: Books, suspect: (why: string, who: string) => void) {
  const paidTwice: Record<RepeatSubmit, number> = {
    'idempotency-key': 0,
    'unique-reference': 0,
    search: 0,
    none: 0,
  };
  let paid = 0;
  for (const [provider, { accepted }] of Object.entries(books)) {
    const seen = new Set<string>();
    for (const { marker, isPaid, taskId } of accepted) {
      if (!isPaid) continue;
      paid += 1;
      const name = marker ?? taskId;
      if (seen.has(name)) {
        paidTwice[repeatSubmitOf(provider)] += 1;
        suspect('paid twice', `request ${name} ${provider} task ${taskId}`);
      }
      seen.add(name);
    }
  }
  return { paid, paidTwice };
}

/** Forged deliveries that were answered as if they were authentic, where a signature tells. */
function forgedAnswered(books: Books): number {
  const signed = Object.entries(books).filter(([provider]) => SIGNING.has(provider));
  return webhooksOf(Object.fromEntries(signed)).filter(
    ({ kind, answeredStatus }) => kind === 'forged' && answeredStatus === 200,
  ).length;
}

function webhooksOf(books: Books) {
  return Object.values(books).flatMap(({ accepted }) =>
    accepted.flatMap(({ webhookAttempts }) => webhookAttempts),
  );
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
