import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Effect } from '../../src/generation/decision.ts';
import type { GenerationEvent, Source } from '../../src/generation/events.ts';
import {
  type FinalGeneration,
  Generation,
  isFinal,
  type Outcome,
} from '../../src/generation/generation.ts';
import { isLastCheckDue, newsOf } from '../../src/generation/late-result.ts';
import type { Rules } from '../../src/generation/rules.ts';
import { decide } from '../../src/generation/state-machine.ts';
import { decodeRecord, encodeRecord } from '../../src/store/record-format.ts';
import { deepFrozen, minutes, NOW, newRecord } from './fixtures.ts';

/** How long something takes: often nothing, sometimes past every limit in the rules below. */
const span = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 5_000 }),
  fc.integer({ min: 5_001, max: minutes(3) }),
  fc.integer({ min: minutes(3), max: minutes(40) }),
);

const rules: fc.Arbitrary<Rules> = fc.record({
  repeatSubmit: fc.constantFrom('idempotency-key', 'unique-reference', 'search', 'none'),
  keyWindowMs: fc.constantFrom(minutes(1), minutes(60)),
  onUnknownOutcome: fc.constantFrom('fail', 'resubmit'),
  unconfirmedGraceMs: fc.constantFrom(0, minutes(1)),
  sendOverdueMs: fc.constantFrom(1_000, 90_000),
  unansweredMs: fc.constantFrom(minutes(1), minutes(30)),
  canCancel: fc.boolean(),
  poll: fc.record({
    firstAfterMs: fc.constantFrom(1_000, 60_000),
    everyMs: fc.constantFrom(1_000, 15_000),
    factor: fc.constantFrom(1, 2),
    longestMs: fc.constantFrom(15_000, 16_000),
    webhookGraceMs: fc.constantFrom(0, 30_000),
    giveUpAfterMs: fc.constantFrom(minutes(1), minutes(10)),
    maxPolls: fc.constantFrom(undefined, 3),
    lastCheckAfterMs: fc.constantFrom(undefined, 0, minutes(1), minutes(60)),
  }),
});

interface Step {
  event: GenerationEvent;
  afterMs: number;
  /** For events about a send: how many sends ago. */
  sendsAgo: number;
}

const reason = fc.constant({ code: 'x', message: 'It broke.' });
const task = fc.constantFrom({ id: 't1' }, { id: 't2', handle: 'h2' });
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ verdict: 'completed', results: [] }),
  fc.record(
    { verdict: fc.constantFrom('failed', 'timed_out', 'canceled'), reason },
    { noNullPrototype: true },
  ),
);
const source = fc.constantFrom<Source[]>('webhook', 'poll', 'submit');
const bare = (type: 'observed-missing' | 'overdue' | 'cancel' | 'notified' | 'late-notified') =>
  fc.constant<GenerationEvent>({ type });

const event: fc.Arbitrary<GenerationEvent> = fc.oneof(
  fc.constantFrom('one', 'two').map((data): GenerationEvent => ({ type: 'prepared', data })),
  span.map((ms): GenerationEvent => ({ type: 'held', reason: 'circuit_open', until: NOW + ms })),
  {
    arbitrary: fc.constant<GenerationEvent>({ type: 'submit-started', sender: 'w1' }),
    weight: 4,
  },
  { arbitrary: bare('overdue'), weight: 4 },
  { arbitrary: fc.constant<GenerationEvent>({ type: 'submit-unknown', send: 0 }), weight: 3 },
  {
    arbitrary: fc.constant<GenerationEvent>({ type: 'absence-proven', send: 0, askedAt: 0 }),
    weight: 2,
  },
  {
    arbitrary: span.map((ms): GenerationEvent => {
      return { type: 'submit-deferred', send: 0, reason: 'rate_limited', until: NOW + ms };
    }),
    weight: 3,
  },
  reason.map((why): GenerationEvent => ({ type: 'submit-rejected', send: 0, reason: why })),
  task.map((t): GenerationEvent => ({ type: 'submit-accepted', task: t })),
  fc.record({
    type: fc.constant('observed-live' as const),
    source,
    status: fc.constantFrom('waiting', 'running'),
    taskId: fc.constantFrom('t1', 't2'),
    askedAt: span.map((ms) => NOW + ms),
  }),
  fc.record({
    type: fc.constant('observed-final' as const),
    source,
    outcome,
    taskId: fc.constantFrom('t1', 't2'),
  }),
  bare('observed-missing'),
  task.map((t): GenerationEvent => ({ type: 'hint', taskId: t.id })),
  fc.record({ type: fc.constant('poll-failed' as const), retryAfterMs: span }),
  bare('cancel'),
  { arbitrary: bare('notified'), weight: 2 },
  { arbitrary: bare('late-notified'), weight: 2 },
);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ event, afterMs: span, sendsAgo: fc.constantFrom(0, 0, 0, 0, 1, 2) }),
  { maxLength: 40 },
);

/** The event as it would be made at this moment about this record. */
function concrete(step: Step, generation: Generation, now: number): GenerationEvent {
  const { event: e } = step;
  if (e.type === 'submit-deferred') {
    return { ...e, send: generation.sends - step.sendsAgo, until: now + (e.until - NOW) };
  }
  if (e.type === 'held') return { ...e, until: now + (e.until - NOW) };
  if (e.type === 'absence-proven') {
    return { type: e.type, send: generation.sends - step.sendsAgo, askedAt: now };
  }
  if ('send' in e) return { ...e, send: generation.sends - step.sendsAgo };
  if (e.type === 'observed-live') return { ...e, askedAt: now - ((e.askedAt ?? NOW) - NOW) };
  return e;
}

interface Moment {
  before: Generation;
  event: GenerationEvent;
  now: number;
  after: Generation;
  effects: readonly Effect[];
}

/** Plays the steps on a new record, frozen, and answers every move that was made. */
function history(plan: readonly Step[], under: Rules): Moment[] {
  let generation: Generation = newRecord({ createdAt: NOW, deadlineAt: NOW + minutes(60) });
  let now = NOW;
  const moves: Moment[] = [];
  for (const step of plan) {
    now += step.afterMs;
    const happened = deepFrozen(concrete(step, generation, now));
    const decision = decide(deepFrozen(generation), happened, now, deepFrozen(under));
    expect(decide(generation, happened, now, under)).toEqual(decision);
    if ('ignored' in decision) continue;
    const { next: after, effects } = decision;
    moves.push({ before: generation, event: happened, now, after, effects });
    generation = decision.next;
  }
  return moves;
}

/** @param holds is called with the moves of each random life, and the rules it was lived under. */
function inEveryLife(holds: (moves: Moment[], under: Rules) => void): void {
  fc.assert(
    fc.property(steps, rules, (plan, under) => holds(history(plan, under), under)),
    { numRuns: 3_000 },
  );
}

test('a final state is never left, and its outcome never changes', () => {
  inEveryLife((moves) => {
    for (const { before, after } of moves) {
      if (!isFinal(before)) continue;
      expect(outcomeIn(after)).toEqual(outcomeIn(before));
    }
  });
});

/** A final record but for what may still be owed, and what is learned late. */
function outcomeIn(g: Generation): object {
  const later = ['dueAt', 'isNotified', 'lastCheckAt', 'late', 'task'];
  return Object.fromEntries(Object.entries(g).filter(([field]) => !later.includes(field)));
}

test('a late success stays, and is owed until it is told, exactly once', () => {
  inEveryLife((moves) => {
    const owed = moves.flatMap(({ effects }) =>
      effects.filter(({ kind }) => kind === 'notify-late'),
    );
    const told = moves.filter(({ event: happened }) => happened.type === 'late-notified');
    expect(told.length).toBeLessThanOrEqual(Math.min(owed.length, 1));
    for (const { before, after } of moves) {
      const [was, is] = [before, after].map((g) => ('late' in g ? g.late : undefined));
      if (was?.outcome.verdict !== 'completed') continue;
      expect({ ...is, isOwed: undefined }).toEqual({ ...was, isOwed: undefined });
      if (is?.isOwed) expect(was.isOwed).toBe(true);
    }
  });
});

test('what ended keeps nothing to itself: by its due times alone it comes to owe nothing', () => {
  inEveryLife((moves, under) => {
    const last = moves.at(-1);
    if (!last || !isFinal(last.after)) return;
    let generation: Generation = last.after;
    for (let turns = 0; generation.dueAt !== undefined; turns++) {
      expect(turns).toBeLessThan(40);
      const now = Math.max(generation.dueAt, last.now);
      const events: GenerationEvent[] = isLastCheckDue(generation, now)
        ? [{ type: 'poll-failed' }]
        : [{ type: 'overdue' }, { type: 'notified' }, { type: 'late-notified' }];
      for (const happened of events) {
        const decision = decide(generation, happened, now, under);
        if (!('ignored' in decision)) generation = decision.next;
      }
    }
    expect(newsOf(generation as FinalGeneration)).toEqual([]);
  });
});

test('whatever owes something is due at a finite moment; a notified record is due never', () => {
  inEveryLife((moves) => {
    for (const { event: happened, after } of moves) {
      const owes =
        !isFinal(after) ||
        newsOf(after).length > 0 ||
        ('lastCheckAt' in after && after.lastCheckAt !== undefined);
      if (owes) expect(Number.isFinite(after.dueAt)).toBe(true);
      else expect(after).not.toHaveProperty('dueAt');
      if (happened.type === 'notified' && after.state === 'completed') expect(owes).toBe(false);
    }
  });
});

test('every move ends in a record that can be stored and read again as it was', () => {
  inEveryLife((moves) => {
    for (const { after } of moves) {
      expect(Generation.parse(after)).toStrictEqual(after);
      expect(decodeRecord(encodeRecord(after))).toStrictEqual(after);
    }
  });
});

test('sends never decrease, and one send makes exactly one more', () => {
  inEveryLife((moves) => {
    for (const { before, after } of moves) {
      const started = before.state !== 'submitting' && after.state === 'submitting';
      expect(after.sends).toBe(before.sends + (started ? 1 : 0));
    }
  });
});

test('a further attempt exists only under the policy resubmit', () => {
  inEveryLife((moves, { onUnknownOutcome }) => {
    for (const { before, after } of moves) {
      if (after.attempt === before.attempt) continue;
      expect(onUnknownOutcome).toBe('resubmit');
      expect(after.attempt).toBe(before.attempt + 1);
    }
  });
});

test('an attempt is sent again only when recognised by the provider, or every send is disproved', () => {
  inEveryLife((moves, { repeatSubmit, keyWindowMs }) => {
    /** The sends of this attempt that the provider may have taken. */
    const open = new Set<number>();
    let firstOpenAt = 0;
    for (const { before, event: happened, now, after } of moves) {
      if (after.attempt !== before.attempt) open.clear();
      if (happened.type === 'absence-proven') open.clear();
      if (happened.type === 'submit-deferred') open.delete(happened.send);
      if (happened.type !== 'submit-started' || after.state !== 'submitting') continue;
      if (open.size === 0) firstOpenAt = now;
      else if (repeatSubmit === 'idempotency-key') {
        expect(now).toBeLessThan(firstOpenAt + keyWindowMs);
      } else expect(repeatSubmit).toBe('unique-reference');
      open.add(after.sends);
    }
  });
});

test('a record whose outcome nobody reports still ends, by its due times alone', () => {
  fc.assert(
    fc.property(steps, rules, (plan, under) => {
      const last = history(plan, under).at(-1)?.after ?? newRecord();
      let generation: Generation = last;
      let now = NOW + minutes(60 * 24);
      for (let turns = 0; turns < 200 && !isFinal(generation); turns++) {
        now = Math.max(now, generation.dueAt);
        const happened: GenerationEvent =
          generation.state === 'submitted' ? { type: 'poll-failed' } : { type: 'overdue' };
        const decision = decide(generation, happened, now, under);
        if ('ignored' in decision) throw new Error(`stuck: ${decision.reason}`);
        generation = decision.next;
      }
      expect(isFinal(generation)).toBe(true);
    }),
  );
});

test('the random lives reach every state, so that the rules above are put to the test', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(steps, rules, (plan, under) => {
      for (const { after } of history(plan, under)) {
        seen.add(after.state);
        if (after.attempt > 1) seen.add('attempt 2');
        if (after.state === 'submitting' && after.uncertain) seen.add('uncertain');
        if ('late' in after && after.late) seen.add('late result');
        if ('lastCheckAt' in after && after.lastCheckAt) seen.add('last check');
      }
    }),
    { numRuns: 1_000, seed: 1 },
  );
  expect([...seen].sort()).toEqual([
    'attempt 2',
    'canceled',
    'completed',
    'failed',
    'last check',
    'late result',
    'queued',
    'submitted',
    'submitting',
    'timed_out',
    'uncertain',
    'unconfirmed',
  ]);
});
