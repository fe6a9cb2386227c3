import { describe, expect, test } from 'vitest';
import { completionEvent, lateResultEvent } from '../../src/generation/completion-event.ts';
import type { Effect } from '../../src/generation/decision.ts';
import type { EventOf, GenerationEvent } from '../../src/generation/events.ts';
import type { Generation, Unsuccessful } from '../../src/generation/generation.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { SubscriberJob } from '../../src/generation/jobs.ts';
import { asCompleted, isLastCheckDue } from '../../src/generation/late-result.ts';
import { redriven, redriveWay } from '../../src/generation/redrive.ts';
import { BELIEVED_AFTER_MS } from '../../src/generation/signed-word.ts';
import { decide } from '../../src/generation/state-machine.ts';
import { RULES as BASE, EVENTS, minutes, NOW, RECORDS, rulesWith } from './fixtures.ts';

const HOUR = minutes(60);
const RULES = rulesWith({ poll: { lastCheckAfterMs: HOUR } });

const reason = (code: string) => ({ code, message: '' });
const { task: _, dueAt: __, ...told } = RECORDS.failed;
const { submittedAt: ___, ...unsent } = told;
const withTask = { ...told, task: { id: 'task-1' } };

/** Everything told, nothing owed. */
const ENDS = {
  gave_up: { ...withTask, state: 'timed_out', via: 'deadline', reason: reason('gave_up') },
  task_lost: { ...withTask, via: 'poll', reason: reason('task_lost') },
  outcome_unknown: { ...unsent, via: 'policy', reason: reason('outcome_unknown') },
  not_sent_in_time: {
    ...unsent,
    state: 'timed_out',
    via: 'deadline',
    reason: reason('not_sent_in_time'),
  },
} satisfies Record<string, Unsuccessful>;
const CANCELED: Unsuccessful = {
  ...withTask,
  state: 'canceled',
  via: 'cancel',
  reason: reason('canceled_by_app'),
};

const DONE = EVENTS['observed-final'];
const FAILED: EventOf<'observed-final'> = {
  ...DONE,
  outcome: { verdict: 'failed', reason: reason('provider_failed') },
};
const tellLate = [{ kind: 'notify-late' }];

function step(
  generation: Generation,
  event: GenerationEvent,
  at = NOW,
  rules = RULES,
): { next: Unsuccessful; effects: readonly Effect[] } {
  const decision = decide(generation, event, at, rules);
  if ('ignored' in decision) throw new Error(decision.reason);
  return { next: decision.next as Unsuccessful, effects: decision.effects };
}

describe.each(Object.entries(ENDS))('after %s', (_code, end: Unsuccessful) => {
  test('a success that comes late is noted and told once; the end stands', () => {
    const noted = step(end, DONE);
    expect(noted.effects).toEqual(tellLate);
    expect(noted.next).toMatchObject({
      ...end,
      late: { outcome: DONE.outcome, at: NOW, via: 'webhook', taskId: 'task-1', isOwed: true },
      dueAt: NOW + 30_000,
    });
    expect(completionEvent(noted.next)).toEqual(completionEvent(end));

    const done = step(noted.next, EVENTS['late-notified']).next;
    expect(done).toEqual({
      ...end,
      late: { outcome: DONE.outcome, at: NOW, via: 'webhook', taskId: 'task-1' },
    });
    expect(decide(done, EVENTS['late-notified'], NOW, RULES)).toMatchObject({ ignored: true });
    expect(decide(done, DONE, NOW, RULES)).toEqual({ ignored: true, reason: 'already-final' });
    expect(decide(done, FAILED, NOW, RULES)).toEqual({
      ignored: true,
      reason: 'already-final',
    });
  });

  test('a failure that comes late is noted and not told, and gives way to a success', () => {
    const failed = step(end, FAILED);
    expect(failed.effects).toEqual([]);
    expect(failed.next).toMatchObject({ late: { outcome: FAILED.outcome } });
    expect(failed.next).not.toHaveProperty('dueAt');
    expect(decide(failed.next, FAILED, NOW, RULES)).toMatchObject({ ignored: true });
    expect(step(failed.next, DONE)).toMatchObject({
      next: { late: { outcome: DONE.outcome, isOwed: true } },
      effects: tellLate,
    });
  });

  test('a redrive is completed with it, and asks nobody', () => {
    const { next: old } = step(end, { ...DONE, taskId: 'task-9' }, NOW, RULES);
    const way = redriveWay(old, { rules: BASE, dueAt: NOW + HOUR, payAgain: false });
    expect(way).toBe('late_result');
    const id = newGenerationId(NOW);
    const start = { id, now: NOW + HOUR, dueAt: NOW + HOUR, maxQueuedMs: 1, giveUpAfterMs: 1 };
    const begun = redriven(old, way, start);
    expect(begun).toMatchObject({
      id,
      state: 'completed',
      results: DONE.outcome.verdict === 'completed' && DONE.outcome.results,
      via: 'webhook',
      task: { id: 'task-9' },
      redriveOf: old.id,
      finishedAt: NOW + HOUR,
      dueAt: NOW + HOUR,
    });
    // Its outcome is owed from the beginning.
    expect(step(begun as Generation, EVENTS.overdue, NOW + HOUR).effects).toEqual([
      { kind: 'notify' },
    ]);
  });
});

test('what the provider itself ended stays without a late result, but for an earlier attempt', () => {
  const own = { ...withTask, via: 'webhook', reason: reason('content_policy') } as const;
  expect(decide(own, DONE, NOW, RULES)).toEqual({ ignored: true, reason: 'already-final' });
  const second = { ...own, attempt: 2 };
  expect(decide(second, DONE, NOW, RULES)).toMatchObject({ ignored: true });
  expect(step(second, { ...DONE, taskId: 'task-0' }).effects).toEqual(tellLate);
  expect(decide(second, { ...FAILED, taskId: 'task-0' }, NOW, RULES)).toMatchObject({
    ignored: true,
  });
});

test('a refusal that left an earlier send unaccounted for is such a guess too', () => {
  const refused = {
    ...told,
    via: 'submit',
    reason: reason('bad_image'),
    firstSentAt: NOW,
  } as const;
  expect(step(refused, DONE).effects).toEqual(tellLate);
});

test('what the app canceled is noted when it was done, and told to nobody', () => {
  const noted = step(CANCELED, DONE);
  expect(noted.effects).toEqual([]);
  expect(noted.next).toMatchObject({ state: 'canceled', late: { outcome: DONE.outcome } });
  expect(noted.next).not.toHaveProperty('dueAt');
  expect(decide(CANCELED, FAILED, NOW, RULES)).toMatchObject({ ignored: true });
  expect(decide(CANCELED, EVENTS.hint, NOW, RULES)).toMatchObject({ ignored: true });
});

test('the failure of another task than its own says nothing', () => {
  const other = { ...FAILED, taskId: 'task-2' };
  expect(decide(ENDS.gave_up, other, NOW, RULES)).toMatchObject({ ignored: true });
});

test('both the outcome and a late result are owed until each is told, in either order', () => {
  const { next: both } = step({ ...ENDS.gave_up, dueAt: NOW }, DONE);
  const overdue = step(both, EVENTS.overdue, NOW + 30_000);
  expect(overdue.effects).toEqual([{ kind: 'notify' }, { kind: 'notify-late' }]);
  for (const order of [
    ['notified', 'late-notified'],
    ['late-notified', 'notified'],
  ] as const) {
    const first = step(both, EVENTS[order[0]]).next;
    const left = step(first, EVENTS.overdue, NOW + 30_000).effects;
    expect(left).toEqual([{ kind: order[0] === 'notified' ? 'notify-late' : 'notify' }]);
    const second = step(first, EVENTS[order[1]]).next;
    expect(second).not.toHaveProperty('dueAt');
    expect(second).not.toHaveProperty('isNotified');
  }
});

describe('the last check', () => {
  const deadlineAt = NOW;
  const { next: ended } = step(
    { ...RECORDS.submitted, submittedAt: NOW - HOUR, deadlineAt },
    { ...EVENTS['observed-live'], source: 'poll', askedAt: NOW },
  );
  const { next: waiting } = step(ended, EVENTS.notified);
  const due = waiting.dueAt ?? 0;

  test('is owed by what was given up, after its end is told', () => {
    expect(ended).toMatchObject({
      state: 'timed_out',
      lastCheckAt: NOW + HOUR,
      dueAt: NOW + 30_000,
    });
    expect(isLastCheckDue(ended, NOW + HOUR)).toBe(false);
    expect(waiting).toMatchObject({ isNotified: true, dueAt: NOW + HOUR });
    expect(isLastCheckDue(waiting, due - 1)).toBe(false);
    expect(isLastCheckDue(waiting, due)).toBe(true);
    expect(decide(waiting, EVENTS.overdue, due, RULES)).toEqual({
      ignored: true,
      reason: 'a-poll-decides',
    });
  });

  test('is owed by nothing else', () => {
    const none = rulesWith({ poll: { lastCheckAfterMs: 0 } });
    const live = { ...EVENTS['observed-live'], source: 'poll', askedAt: NOW } as const;
    const submitted = { ...RECORDS.submitted, deadlineAt };
    expect(step(submitted, live, NOW, none).next).not.toHaveProperty('lastCheckAt');
    expect(step(submitted, EVENTS.cancel).next).not.toHaveProperty('lastCheckAt');
    expect(step(submitted, DONE).next).not.toHaveProperty('lastCheckAt');
    expect(step(submitted, FAILED).next).not.toHaveProperty('lastCheckAt');
  });

  test('finds a late success, or nothing; then the record owes nothing', () => {
    const found = step(waiting, { ...DONE, source: 'poll' }, due);
    expect(found).toMatchObject({ next: { late: { via: 'poll' } }, effects: tellLate });
    expect(found.next).not.toHaveProperty('lastCheckAt');
    for (const event of [
      { ...EVENTS['observed-live'], source: 'poll', askedAt: due },
      { type: 'observed-missing', askedAt: due },
      { ...FAILED, source: 'poll' },
    ] as const) {
      const { next } = step(waiting, event, due);
      expect(next).not.toHaveProperty('lastCheckAt');
      expect(next).not.toHaveProperty('dueAt');
      expect(next).not.toHaveProperty('isNotified');
    }
  });

  test('is made again while nobody answers, ever more rarely, and not for ever', () => {
    let record: Unsuccessful = waiting;
    const waits: number[] = [];
    while (record.dueAt !== undefined) {
      const at = record.dueAt;
      record = step(
        record,
        EVENTS['poll-failed'],
        at,
        rulesWith({ ...RULES, unansweredMs: HOUR }),
      ).next;
      if (record.dueAt !== undefined) waits.push((record.dueAt - at) / minutes(1));
    }
    expect(waits).toEqual([0.5, 0.5, 1, 2, 4, 8, 16, 32]);
  });

  test('is brought forward by a delivery that is not believed, and made once more in its time', () => {
    const hinted = step(waiting, EVENTS.hint, NOW + 5);
    expect(hinted).toMatchObject({
      next: { lastCheckAt: NOW + 5, dueAt: NOW + 5 },
      effects: [{ kind: 'round', at: NOW + 5 }],
    });
    const live = { ...EVENTS['observed-live'], source: 'poll', askedAt: NOW + 9 } as const;
    expect(step(hinted.next, live, NOW + 9).next).toMatchObject({ dueAt: NOW + HOUR });
    // Asked before the hint: says nothing about it.
    const early = { ...live, askedAt: NOW + 4 };
    expect(decide(hinted.next, early, NOW + 9, RULES)).toMatchObject({ ignored: true });
  });

  describe('when a signed delivery brought the result, and is not believed at once', () => {
    const { outcome } = DONE;
    const signed: GenerationEvent = { ...EVENTS.hint, said: { outcome } };
    const missing = (askedAt: number): GenerationEvent => ({ type: 'observed-missing', askedAt });
    const believed = { late: { outcome, via: 'webhook' } };

    test('that counts where the provider does not know the task for minutes', () => {
      const hinted = step(waiting, signed, NOW + 5).next;
      const missed = step(hinted, missing(NOW + 9), NOW + 9);
      expect(missed.next).not.toHaveProperty('late');
      const later = NOW + 5 + BELIEVED_AFTER_MS;
      expect(missed.next).toMatchObject({ dueAt: later });
      const noted = step(missed.next, missing(later), later);
      expect(noted).toMatchObject({ next: believed, effects: tellLate });
      expect(noted.next).not.toHaveProperty('said');
    });

    test('that counts where no check is answered for minutes', () => {
      const hinted = step(waiting, signed, NOW + 5).next;
      const failed = step(hinted, EVENTS['poll-failed'], NOW + 9).next;
      expect(failed).not.toHaveProperty('late');
      const later = NOW + 5 + BELIEVED_AFTER_MS;
      const noted = step({ ...failed, lastCheckAt: later }, EVENTS['poll-failed'], later);
      expect(noted).toMatchObject({ next: believed, effects: tellLate });
    });

    test('that is denied by a check that finds the task alive', () => {
      const hinted = step(waiting, signed, NOW + 5).next;
      const live = { ...EVENTS['observed-live'], source: 'poll', askedAt: NOW + 9 } as const;
      expect(step(hinted, live, NOW + 9).next).not.toHaveProperty('said');
    });

    test.each([
      ['of another task', { ...signed, taskId: 'task-2' }],
      ['of a failure', { ...signed, said: { outcome: FAILED.outcome } }],
    ])('a word %s is a hint and no more', (_what, word: GenerationEvent) => {
      expect(step(waiting, word, NOW + 5).next).not.toHaveProperty('said');
    });
  });

  test('waits while something is still to be told', () => {
    const hinted = step(ended, EVENTS.hint, NOW + 5);
    expect(hinted).toMatchObject({ next: { dueAt: NOW + 5 + 30_000 }, effects: [] });
    expect(step(hinted.next, EVENTS.notified, NOW + 6).next).toMatchObject({ dueAt: NOW + 5 });
  });

  test.each([
    ['a delivery that is not believed', EVENTS.hint],
    ['a live delivery', EVENTS['observed-live']],
    ['the answer to its submission', EVENTS['submit-accepted']],
  ])('is owed once the task is known of what ended as unknown: %s', (_who, event) => {
    const { next } = step(ENDS.outcome_unknown, event);
    expect(next).toMatchObject({ task: { id: 'task-1' }, isNotified: true });
    expect(next.dueAt).toBe(event.type === 'hint' ? NOW : NOW + HOUR);
    expect(completionEvent(next)).toEqual(completionEvent(ENDS.outcome_unknown));
  });
});

test('the event of a late result has a type and id of its own, and says how it had ended', () => {
  const { next } = step(ENDS.gave_up, DONE);
  const event = next.late && lateResultEvent(next, next.late, asCompleted(next)?.results ?? []);
  const completion = completionEvent(next);
  expect(event).toMatchObject({
    id: `${completion.id}_late`,
    type: 'generation.late_result',
    timestamp: new Date(NOW).toISOString(),
    data: {
      generationId: next.id,
      metadata: next.metadata,
      timings: completion.data.timings,
      outcome: 'completed',
      results: DONE.outcome.verdict === 'completed' && DONE.outcome.results,
      reason: null,
      ended: { outcome: 'timed_out', reason: { code: 'gave_up' } },
    },
  });
  expect(SubscriberJob.parse({ v: 2, event })).toStrictEqual({ v: 2, event });
  // Processes of earlier releases know only version 1, and leave this one alone.
  expect(SubscriberJob.safeParse({ v: 1, event }).success).toBe(false);
});
