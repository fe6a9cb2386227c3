import { describe, expect, test } from 'vitest';
import { type EventType, GenerationEvent } from '../../src/generation/events.ts';
import { Generation, type GenerationState, type InState } from '../../src/generation/generation.ts';
import type { Rules } from '../../src/generation/rules.ts';
import { decide } from '../../src/generation/state-machine.ts';
import { decodeRecord, encodeRecord } from '../../src/store/record-format.ts';
import {
  deepFrozen,
  EVENTS,
  minutes,
  NOW,
  RECORDS,
  RULES,
  recordIn,
  rulesWith,
} from './fixtures.ts';

/** What a row promises. A field named in `fields` with the value undefined must be absent. */
type Expected = { ignored: string } | ReturnType<typeof becomes>;

function becomes(
  state: GenerationState,
  fields: Readonly<Record<string, unknown>> = {},
  effects: readonly Record<string, unknown>[] = [],
) {
  return { state, fields, effects };
}

/** A delay with jitter: a tenth to either side. */
const about = (fromMs: number, delayMs: number) => ({
  asymmetricMatch: (actual: unknown) =>
    typeof actual === 'number' &&
    actual >= fromMs + 0.9 * delayMs - 1 &&
    actual <= fromMs + 1.1 * delayMs + 1,
  toString: () => `about ${fromMs} + ${delayMs}`,
});

/** An event of its own, or by its type the typical one of the fixtures. */
type Happened = GenerationEvent | EventType;
const eventOf = (event: Happened) => deepFrozen(typeof event === 'string' ? EVENTS[event] : event);

function check(
  expected: Expected,
  generation: Generation,
  event: Happened,
  rules: Rules = RULES,
  now = NOW,
): void {
  const decision = decide(deepFrozen(generation), eventOf(event), now, deepFrozen(rules));
  if ('ignored' in expected) {
    expect(decision).toEqual({ ignored: true, reason: expected.ignored });
    return;
  }
  if ('ignored' in decision) throw new Error(`ignored because of ${decision.reason}`);
  expect(decision.next.state).toBe(expected.state);
  for (const [field, value] of Object.entries(expected.fields)) {
    if (value === undefined) expect(decision.next).not.toHaveProperty(field);
    else expect(decision.next).toMatchObject({ [field]: value });
  }
  expect(decision.effects).toEqual(expected.effects);
  for (const effect of decision.effects) {
    if (effect.kind === 'round') expect(effect.at).toBe(decision.next.dueAt);
  }
  const { id, version, tenant, provider, model, input, metadata, callbackUrl } = generation;
  expect(decision.next).toMatchObject({ id, version, tenant, provider, model, input });
  expect(decision.next).toMatchObject({ metadata, callbackUrl });
  expect(Generation.parse(decision.next)).toStrictEqual(decision.next);
  expect(decodeRecord(encodeRecord(decision.next))).toStrictEqual(decision.next);
}

const round = (at: unknown = expect.any(Number)) => [{ kind: 'round', at }];
const submit = (delayMs: unknown = 0) => [{ kind: 'submit', delayMs }];
const notify = [{ kind: 'notify' }];
const ignored = (reason: string): Expected => ({ ignored: reason });

const COMPLETED = becomes(
  'completed',
  {
    results: [{ kind: 'file', url: 'https://cdn.example/1.png' }],
    finishedAt: NOW,
    via: 'webhook',
    dueAt: NOW + 30_000,
  },
  notify,
);
const CANCELED = becomes(
  'canceled',
  { reason: { code: 'canceled_by_app' }, finishedAt: NOW, via: 'cancel' },
  notify,
);
const ACCEPTED = becomes(
  'submitted',
  {
    task: { id: 'task-1', handle: 'h1' },
    submittedAt: NOW,
    deadlineAt: NOW + minutes(2),
    polls: 0,
    dueAt: about(NOW, 20_000),
  },
  round(),
);
const ADOPTED = becomes(
  'submitted',
  { task: { id: 'task-1' }, submittedAt: NOW, polls: 0, dueAt: about(NOW, 20_000) },
  round(),
);
const ADOPTED_BY_HINT = becomes(
  'submitted',
  { task: { id: 'task-1' }, submittedAt: NOW, hintedAt: NOW, dueAt: NOW },
  round(NOW),
);
const REFUSED = becomes(
  'queued',
  {
    hold: { reason: 'rate_limited', until: NOW + 4_000 },
    refusals: 1,
    sends: 1,
    dueAt: NOW + 34_000,
  },
  submit(4_000),
);
const REJECTED = becomes(
  'failed',
  { reason: { code: 'bad_image' }, via: 'submit', finishedAt: NOW },
  notify,
);
const ANSWER_LOST = becomes(
  'unconfirmed',
  { unconfirmedAt: NOW, firstSentAt: NOW - 4_000, dueAt: NOW + minutes(5) },
  round(NOW + minutes(5)),
);

const final = (state: GenerationState): Record<EventType, Expected> => ({
  prepared: ignored('already-final'),
  held: ignored('already-final'),
  'submit-started': ignored('already-final'),
  'submit-accepted': ignored('already-final'),
  'submit-deferred': ignored('already-final'),
  'submit-rejected': ignored('already-final'),
  'submit-unknown': ignored('already-final'),
  'absence-proven': ignored('already-final'),
  'observed-live': ignored('already-final'),
  'observed-final': ignored('already-final'),
  'observed-missing': ignored('already-final'),
  hint: ignored('already-final'),
  'poll-failed': ignored('already-final'),
  overdue: becomes(state, { dueAt: NOW + 30_000, finishedAt: NOW - 1_000 }, notify),
  cancel: ignored('already-final'),
  notified: becomes(state, { dueAt: undefined, finishedAt: NOW - 1_000 }),
});

/** Written by hand from the design: provider class `none`, policy `fail`, mode `hybrid`. */
const EXPECTED: Record<GenerationState, Record<EventType, Expected>> = {
  queued: {
    prepared: becomes('queued', { prepared: '{"upload":7}', sends: 0 }),
    held: becomes('queued', {
      hold: { reason: 'circuit_open', until: NOW + 10_000 },
      refusals: 0,
      dueAt: NOW + 40_000,
    }),
    'submit-started': becomes('submitting', {
      sender: 'w2',
      sends: 1,
      attempt: 1,
      firstSentAt: NOW,
      dueAt: NOW + 90_000,
    }),
    'submit-accepted': ACCEPTED,
    'submit-deferred': ignored('other-send'),
    'submit-rejected': ignored('other-send'),
    'submit-unknown': ignored('not-sending'),
    'absence-proven': ignored('not-sending'),
    'observed-live': ADOPTED,
    'observed-final': COMPLETED,
    'observed-missing': ignored('not-polling'),
    hint: ADOPTED_BY_HINT,
    'poll-failed': ignored('not-polling'),
    overdue: becomes('queued', { dueAt: NOW + 30_000 }, submit()),
    cancel: CANCELED,
    notified: ignored('not-final'),
  },
  submitting: {
    prepared: ignored('already-sending'),
    held: ignored('already-sending'),
    'submit-started': ignored('already-sending'),
    'submit-accepted': ACCEPTED,
    'submit-deferred': REFUSED,
    'submit-rejected': REJECTED,
    'submit-unknown': ANSWER_LOST,
    'absence-proven': ignored('already-sending'),
    'observed-live': ADOPTED,
    'observed-final': COMPLETED,
    'observed-missing': ignored('not-polling'),
    hint: ADOPTED_BY_HINT,
    'poll-failed': ignored('not-polling'),
    overdue: ANSWER_LOST,
    cancel: becomes('submitting', { cancelRequested: true, sends: 1 }),
    notified: ignored('not-final'),
  },
  unconfirmed: {
    prepared: ignored('already-sent'),
    held: ignored('not-reconciled'),
    'submit-started': ignored('not-reconciled'),
    'submit-accepted': ACCEPTED,
    'submit-deferred': REFUSED,
    'submit-rejected': REJECTED,
    'submit-unknown': ignored('already-unconfirmed'),
    'absence-proven': becomes(
      'queued',
      { hold: undefined, attempt: 1, sends: 1, dueAt: NOW + 30_000 },
      submit(),
    ),
    'observed-live': ADOPTED,
    'observed-final': COMPLETED,
    'observed-missing': ignored('not-polling'),
    hint: ADOPTED_BY_HINT,
    'poll-failed': ignored('not-polling'),
    overdue: becomes('failed', { reason: { code: 'outcome_unknown' }, via: 'policy' }, notify),
    cancel: CANCELED,
    notified: ignored('not-final'),
  },
  submitted: {
    prepared: ignored('already-accepted'),
    held: ignored('already-accepted'),
    'submit-started': ignored('already-accepted'),
    'submit-accepted': ignored('already-accepted'),
    'submit-deferred': ignored('already-accepted'),
    'submit-rejected': ignored('already-accepted'),
    'submit-unknown': ignored('already-accepted'),
    'absence-proven': ignored('already-accepted'),
    'observed-live': becomes('submitted', { providerStatus: 'processing', polls: 1, dueAt: NOW }),
    'observed-final': COMPLETED,
    'observed-missing': becomes('submitted', { polls: 2, dueAt: about(NOW, 3_000) }, round()),
    hint: becomes('submitted', { hintedAt: NOW, dueAt: NOW }, round(NOW)),
    'poll-failed': becomes(
      'submitted',
      { polls: 1, unansweredSince: NOW, dueAt: about(NOW, 3_000) },
      round(),
    ),
    overdue: ignored('a-poll-decides'),
    cancel: { ...CANCELED, fields: { ...CANCELED.fields, task: { id: 'task-1', handle: 'h1' } } },
    notified: ignored('not-final'),
  },
  completed: final('completed'),
  failed: final('failed'),
  timed_out: final('timed_out'),
  canceled: final('canceled'),
};

/** The states and events there are, asked of the schemas and not of the table. */
const STATES = Generation.options.flatMap((option): GenerationState[] => {
  const { state } = option.shape;
  return 'options' in state ? [...state.options] : [...state.values];
});
const EVENT_TYPES = GenerationEvent.options.flatMap((option): EventType[] => [
  ...option.shape.type.values,
]);

describe('every state × event pair', () => {
  test('has exactly one row', () => {
    expect(STATES).toHaveLength(8);
    expect(EVENT_TYPES).toHaveLength(16);
    expect(Object.keys(EXPECTED).sort()).toEqual([...STATES].sort());
    for (const rows of Object.values(EXPECTED)) {
      expect(Object.keys(rows).sort()).toEqual([...EVENT_TYPES].sort());
    }
  });

  describe.each(STATES)('%s', (state) => {
    test.each(EVENT_TYPES)('%s', (eventType) => {
      check(EXPECTED[state][eventType], recordIn(state), eventType);
    });
  });
});

const queued = (changes: Partial<InState<'queued'>> = {}) => ({ ...RECORDS.queued, ...changes });
const submitting = (changes: Partial<InState<'submitting'>> = {}) => ({
  ...RECORDS.submitting,
  ...changes,
});
const unconfirmed = (changes: Partial<InState<'unconfirmed'>> = {}) => ({
  ...RECORDS.unconfirmed,
  ...changes,
});
const submitted = (changes: Partial<InState<'submitted'>> = {}) => ({
  ...RECORDS.submitted,
  ...changes,
});

/** Applies events one after another; an ignored one changes nothing. */
function play(start: Generation, rules: Rules, ...steps: [number, Happened][]): Generation {
  return steps.reduce((generation, [now, event]) => {
    const decision = decide(deepFrozen(generation), eventOf(event), now, rules);
    return 'ignored' in decision ? generation : decision.next;
  }, start);
}

const FAILURE = {
  ...EVENTS['observed-final'],
  outcome: { verdict: 'failed' as const, reason: { code: 'x', message: 'It broke.' } },
};

describe('waiting to be sent', () => {
  test('a hold that is not over keeps a submit job from sending', () => {
    const held = queued({ hold: { reason: 'rate_limited', until: NOW + 1 } });
    check(ignored('held'), held, 'submit-started');
    check(becomes('submitting', { hold: undefined }), held, 'submit-started', RULES, NOW + 1);
  });

  test('sending starts no later than the deadline; then it is timed out', () => {
    const late = becomes(
      'timed_out',
      { reason: { code: 'not_sent_in_time' }, via: 'deadline' },
      notify,
    );
    check(late, queued({ deadlineAt: NOW }), 'submit-started');
    check(late, queued({ deadlineAt: NOW }), 'overdue');
  });

  test('a hold longer than the deadline does not keep the app waiting past the deadline', () => {
    check(
      becomes('queued', { dueAt: NOW + 10_000 }, submit(minutes(60))),
      submitting({ deadlineAt: NOW + 10_000 }),
      { ...EVENTS['submit-deferred'], until: NOW + minutes(60) },
    );
  });

  test('a refusal until a moment already past is tried again at once', () => {
    check(becomes('queued', { dueAt: NOW + 30_000 }, submit(0)), submitting(), {
      ...EVENTS['submit-deferred'],
      until: NOW - 5,
    });
  });

  test('an overdue record with a hold issues its submit for the end of the hold', () => {
    check(
      becomes('queued', {}, submit(7_000)),
      queued({ hold: { reason: 'out_of_credit', until: NOW + 7_000 } }),
      'overdue',
    );
  });

  test.each([
    [10_000, 30_000],
    [minutes(2), minutes(2)],
    [minutes(30), minutes(10)],
  ])('a backlog %i ms old is issued again after %i ms, ever more rarely', (ageMs, nextMs) => {
    check(
      becomes('queued', { dueAt: NOW + nextMs }, submit()),
      queued({ createdAt: NOW - ageMs, deadlineAt: NOW + minutes(60) }),
      'overdue',
    );
  });

  test('it is never due later than its deadline', () => {
    check(
      becomes('queued', { dueAt: NOW + 1_000 }, submit()),
      queued({ deadlineAt: NOW + 1_000 }),
      'overdue',
    );
  });

  test.each(['queued', 'submitting', 'unconfirmed', 'completed', 'failed'] as const)(
    'a round that comes too late for the old due time does nothing to a %s that is due later',
    (state) => {
      check(ignored('not-due'), { ...recordIn(state), dueAt: NOW + 1 }, 'overdue');
    },
  );
});

describe('free steps before the submission', () => {
  const kept = { prepared: '{"upload":7}' };

  test('what was prepared is kept until the provider has the submission', () => {
    const queued = { ...RECORDS.queued, ...kept };
    check(becomes('submitting', kept), queued, 'submit-started');
    const submitting = { ...RECORDS.submitting, ...kept };
    check({ ...REFUSED, fields: kept }, submitting, 'submit-deferred');
    check({ ...ANSWER_LOST, fields: kept }, submitting, 'submit-unknown');
    check(becomes('submitted', { prepared: undefined }, round()), submitting, 'submit-accepted');
  });

  test('a "not now" holds the generation back, once', () => {
    const event = { ...EVENTS['submit-deferred'], send: 0 };
    const hold = { reason: 'rate_limited' as const, until: NOW + 4_000 };
    check(becomes('queued', { hold, refusals: 1, sends: 0 }, submit(4_000)), RECORDS.queued, event);
    check(ignored('held'), { ...RECORDS.queued, hold }, event);
  });

  test('a final no ends it, and nothing was sent', () => {
    check(
      becomes('failed', { reason: { code: 'bad_image' }, sends: 0, via: 'submit' }, notify),
      RECORDS.queued,
      { ...EVENTS['submit-rejected'], send: 0 },
    );
  });
});

describe('a hold of our own', () => {
  const hold = { reason: 'circuit_open' as const, until: NOW + 10_000 };

  test('is not shortened by another, and its job is not issued again', () => {
    check(ignored('held'), { ...RECORDS.queued, hold }, 'held');
    check(
      ignored('held'),
      { ...RECORDS.queued, hold: { ...hold, until: NOW + 1 + 10_000 } },
      'held',
    );
  });

  test('may be longer than the app will wait', () => {
    const deadlineAt = NOW + 20_000;
    check(
      becomes('queued', { hold, dueAt: deadlineAt }),
      { ...RECORDS.queued, deadlineAt },
      'held',
    );
  });

  test('keeps back a resend, inside the window of its key', () => {
    const rules = rulesWith({ repeatSubmit: 'idempotency-key' });
    check(
      becomes('unconfirmed', {
        resendAt: NOW + 10_000,
        unconfirmedAt: NOW - 2_000,
        dueAt: NOW + 40_000,
      }),
      RECORDS.unconfirmed,
      'held',
      rules,
    );
    check(ignored('held'), { ...RECORDS.unconfirmed, resendAt: NOW + 10_000 }, 'held', rules);
    check(
      ignored('not-reconciled'),
      { ...RECORDS.unconfirmed, firstSentAt: NOW + 10_000 - minutes(60) },
      'held',
      rules,
    );
  });
});

describe('a cancel at the provider', () => {
  const rules = rulesWith({ canCancel: true });
  const effects = [...notify, { kind: 'cancel-task' }];

  test('is asked for where the provider can, as soon as its task is known', () => {
    check({ ...CANCELED, effects }, RECORDS.submitted, 'cancel', rules);
    check(
      { ...CANCELED, effects },
      { ...RECORDS.submitting, cancelRequested: true },
      'submit-accepted',
      rules,
    );
  });

  test('is not asked for where there is no task', () => {
    check(CANCELED, RECORDS.queued, 'cancel', rules);
    check(CANCELED, RECORDS.unconfirmed, 'cancel', rules);
  });
});

describe('an answer that was lost', () => {
  const resendSoon = becomes(
    'unconfirmed',
    { resendAt: about(NOW, 1_000), unconfirmedAt: NOW, dueAt: about(NOW + 30_000, 1_000) },
    submit(about(0, 1_000)),
  );

  test.each([
    ['idempotency-key', resendSoon],
    ['unique-reference', resendSoon],
    ['search', becomes('unconfirmed', { dueAt: NOW + 15_000 }, round())],
    ['none', ANSWER_LOST],
  ] as const)('is followed up as the class %s allows', (repeatSubmit, expected) => {
    const rules = rulesWith({ repeatSubmit });
    check(expected, submitting(), 'submit-unknown', rules);
    check(expected, submitting(), 'overdue', rules);
  });

  test('each further loss doubles the wait before the next send, up to a minute', () => {
    const rules = rulesWith({ repeatSubmit: 'idempotency-key' });
    const lost = (sends: number, waitMs: number) =>
      check(
        becomes('unconfirmed', { resendAt: about(NOW, waitMs) }, submit(about(0, waitMs))),
        submitting({ sends, uncertain: true }),
        { type: 'submit-unknown', send: sends },
        rules,
      );
    lost(2, 2_000);
    lost(5, 16_000);
    lost(30, 60_000);
  });

  test.each(['idempotency-key', 'unique-reference'] as const)(
    'is sent again under %s as the same attempt, and marked uncertain',
    (repeatSubmit) => {
      const rules = rulesWith({ repeatSubmit });
      check(
        becomes('submitting', {
          attempt: 1,
          sends: 2,
          uncertain: true,
          firstSentAt: NOW - 4_000,
          dueAt: NOW + 90_000,
        }),
        unconfirmed(),
        'submit-started',
        rules,
      );
      check(ignored('held'), unconfirmed({ resendAt: NOW + 1 }), 'submit-started', rules);
      check(
        becomes('unconfirmed', { dueAt: NOW + 30_000, sends: 1 }, submit(500)),
        unconfirmed({ resendAt: NOW + 500 }),
        'overdue',
        rules,
      );
    },
  );

  test('is not sent again once the key is forgotten or the deadline is over', () => {
    const keyed = rulesWith({ repeatSubmit: 'idempotency-key' });
    const forgotten = unconfirmed({ firstSentAt: NOW - minutes(60) });
    check(ignored('not-reconciled'), forgotten, 'submit-started', keyed);
    check(
      becomes('failed', { reason: { code: 'outcome_unknown' } }, notify),
      forgotten,
      'overdue',
      keyed,
    );
    check(
      becomes('unconfirmed', { dueAt: NOW + minutes(5) }, round(NOW + minutes(5))),
      submitting({ firstSentAt: NOW - minutes(60) }),
      'submit-unknown',
      keyed,
    );
    for (const repeatSubmit of ['idempotency-key', 'unique-reference', 'search'] as const) {
      const rules = rulesWith({ repeatSubmit });
      check(ignored('not-reconciled'), unconfirmed({ deadlineAt: NOW }), 'submit-started', rules);
      check(
        becomes('failed', { reason: { code: 'outcome_unknown' } }, notify),
        unconfirmed({ deadlineAt: NOW }),
        'overdue',
        rules,
      );
    }
  });

  test('waits for a webhook when the key will be forgotten before it could be sent again', () => {
    check(
      becomes('unconfirmed', { dueAt: NOW + minutes(5) }, round()),
      submitting({ firstSentAt: NOW - minutes(60) + 500 }),
      'submit-unknown',
      rulesWith({ repeatSubmit: 'idempotency-key' }),
    );
  });

  test('is looked up under search, and sent again only when proven absent', () => {
    const rules = rulesWith({ repeatSubmit: 'search' });
    check(ignored('not-reconciled'), unconfirmed(), 'submit-started', rules);
    check(
      becomes('unconfirmed', { dueAt: NOW + 30_000 }, [{ kind: 'look-up' }]),
      unconfirmed(),
      'overdue',
      rules,
    );
    const again = play(unconfirmed(), rules, [NOW, 'absence-proven'], [NOW + 1, 'submit-started']);
    expect(again).toMatchObject({
      state: 'submitting',
      attempt: 1,
      sends: 2,
      firstSentAt: NOW + 1,
    });
    expect(again).not.toHaveProperty('uncertain');
  });

  test('is not proven absent by a search that was sent before it could show it', () => {
    const rules = rulesWith({ repeatSubmit: 'search' });
    const asked = (afterMs: number) =>
      ({ ...EVENTS['absence-proven'], askedAt: NOW + afterMs }) satisfies GenerationEvent;
    check(ignored('asked-too-early'), unconfirmed({ unconfirmedAt: NOW }), asked(14_999), rules);
    check(
      becomes('queued', {}, submit()),
      unconfirmed({ unconfirmedAt: NOW }),
      asked(15_000),
      rules,
    );
  });

  test('a search or resend that stays without answer is issued ever more rarely', () => {
    for (const repeatSubmit of ['idempotency-key', 'search'] as const) {
      for (const [ageMs, nextMs] of [
        [minutes(2), minutes(2)],
        [minutes(14), minutes(10)],
      ] as const) {
        check(
          becomes('unconfirmed', { dueAt: NOW + nextMs }, [expect.anything()]),
          unconfirmed({ unconfirmedAt: NOW - ageMs, deadlineAt: NOW + minutes(60) }),
          'overdue',
          rulesWith({ repeatSubmit }),
        );
      }
    }
  });

  test('is paid for again only under the policy resubmit, as a new attempt', () => {
    const rules = rulesWith({ onUnknownOutcome: 'resubmit' });
    check(
      becomes(
        'queued',
        { attempt: 2, sends: 1, refusals: 0, hold: undefined, uncertain: undefined },
        submit(),
      ),
      unconfirmed({ refusals: 3 }),
      'overdue',
      rules,
    );
    check(ignored('not-reconciled'), unconfirmed(), 'submit-started', rules);
  });

  test('a webhook that comes after all ends the wait, whatever the class', () => {
    for (const repeatSubmit of ['idempotency-key', 'unique-reference', 'search', 'none'] as const) {
      const rules = rulesWith({ repeatSubmit });
      check(COMPLETED, unconfirmed(), 'observed-final', rules);
      check(ADOPTED, unconfirmed(), 'observed-live', rules);
      check(ADOPTED_BY_HINT, unconfirmed(), 'hint', rules);
    }
  });
});

describe('a refusal while an earlier send is unaccounted for', () => {
  const rules = rulesWith({ repeatSubmit: 'idempotency-key' });
  const refusal = { ...EVENTS['submit-deferred'], send: 2 };

  test('proves nothing: it stays unconfirmed and is sent again after the refusal is over', () => {
    check(
      becomes(
        'unconfirmed',
        {
          refusals: 1,
          uncertain: true,
          unconfirmedAt: NOW,
          resendAt: NOW + 4_000,
          hold: undefined,
        },
        submit(4_000),
      ),
      submitting({ sends: 2, uncertain: true }),
      refusal,
      rules,
    );
  });

  test('keeps the moment at which the answer was first lost', () => {
    check(
      becomes('unconfirmed', { unconfirmedAt: NOW - 2_000, refusals: 1 }, submit(4_000)),
      unconfirmed({ sends: 2, uncertain: true }),
      refusal,
      rules,
    );
  });

  test('even a final no leaves time for the webhook of the earlier send, and is notified after it', () => {
    const waiting = becomes(
      'unconfirmed',
      { rejection: { code: 'bad_image' }, dueAt: NOW + minutes(5) },
      round(NOW + minutes(5)),
    );
    const rejected = { ...EVENTS['submit-rejected'], send: 2 };
    check(waiting, submitting({ sends: 2, uncertain: true }), rejected, rules);

    const until = play(submitting({ sends: 2, uncertain: true }), rules, [NOW, rejected]);
    check(ignored('not-reconciled'), until, 'submit-started', rules);
    check(COMPLETED, until, 'observed-final', rules);
    const failed = play(until, rules, [NOW + minutes(5), 'overdue']);
    expect(failed).toMatchObject({ state: 'failed', reason: { code: 'bad_image' } });
  });

  test('proves something again once a new attempt has begun', () => {
    const resubmit = rulesWith({ repeatSubmit: 'idempotency-key', onUnknownOutcome: 'resubmit' });
    const fresh = play(
      unconfirmed({ uncertain: true, firstSentAt: NOW - minutes(60) }),
      resubmit,
      [NOW, 'overdue'],
      [NOW, 'submit-started'],
    );
    expect(fresh).toMatchObject({ state: 'submitting', attempt: 2, sends: 2, firstSentAt: NOW });
    check(becomes('queued', {}, submit(4_000)), fresh, refusal, resubmit);
  });
});

describe('a late answer to an older send', () => {
  const stale = ['submit-deferred', 'submit-rejected', 'submit-unknown'] as const;

  test.each(stale)('%s cannot move a newer send', (type) => {
    check(ignored('other-send'), submitting({ sends: 2 }), type);
  });

  test.each(['submit-deferred', 'submit-rejected', 'absence-proven'] as const)(
    '%s cannot move a newer send that is itself unconfirmed',
    (type) => {
      check(
        ignored('other-send'),
        unconfirmed({ sends: 2 }),
        type,
        rulesWith({ repeatSubmit: 'search' }),
      );
    },
  );

  test('an acceptance is taken whenever it comes: the provider has the work', () => {
    check(ACCEPTED, submitting({ sends: 2, uncertain: true }), 'submit-accepted');
    check(ACCEPTED, unconfirmed({ sends: 2, uncertain: true }), 'submit-accepted');
    check(ACCEPTED, queued({ sends: 2, attempt: 2 }), 'submit-accepted');
  });
});

describe('a cancel while the request is in flight', () => {
  const pending = submitting({ cancelRequested: true });

  test('waits for the answer, and asking twice changes nothing', () => {
    check(ignored('cancel-pending'), pending, 'cancel');
  });

  test('ends it when the provider accepted, and keeps the task for the operator', () => {
    check(
      { ...CANCELED, fields: { task: { id: 'task-1', handle: 'h1' } } },
      pending,
      'submit-accepted',
    );
    check({ ...CANCELED, fields: { task: { id: 'task-1' } } }, pending, 'observed-live');
    check({ ...CANCELED, fields: { task: { id: 'task-1' } } }, pending, 'hint');
  });

  test.each(['submit-deferred', 'submit-unknown', 'overdue'] as const)(
    'ends it on %s, and nothing is sent again',
    (type) => {
      check(CANCELED, pending, type);
      check(CANCELED, pending, type, rulesWith({ repeatSubmit: 'idempotency-key' }));
      check(
        CANCELED,
        { ...pending, uncertain: true },
        type,
        rulesWith({ repeatSubmit: 'idempotency-key' }),
      );
    },
  );

  test('does not hide a verdict of the provider', () => {
    check(REJECTED, pending, 'submit-rejected');
    check(COMPLETED, pending, 'observed-final');
  });
});

describe('a webhook that overtakes the submit answer', () => {
  test('adopts the task, and the late answer adds what only it knows', () => {
    const adopted = play(submitting(), RULES, [NOW, 'hint']);
    check(
      becomes('submitted', { task: { id: 'task-1', handle: 'h1' }, hintedAt: NOW, dueAt: NOW }),
      adopted,
      'submit-accepted',
      RULES,
      NOW + 5,
    );
  });

  test('is overruled by the submit answer about which task it is', () => {
    const adopted = play(submitting(), RULES, [NOW, { type: 'hint', taskId: 'task-0' }]);
    check(
      becomes('submitted', { task: { id: 'task-1', handle: 'h1' } }),
      adopted,
      'submit-accepted',
      RULES,
      NOW + 5,
    );
  });

  test('is not moved by a late refusal, rejection or loss', () => {
    const adopted = play(submitting(), RULES, [NOW, 'observed-live']);
    for (const type of ['submit-deferred', 'submit-rejected', 'submit-unknown'] as const) {
      check(ignored('already-accepted'), adopted, type);
    }
  });

  test('needs to name the task, and only a webhook may', () => {
    const { taskId: _, ...nameless } = EVENTS['observed-live'];
    for (const generation of [queued(), submitting(), unconfirmed()]) {
      check(ignored('no-task-named'), generation, nameless);
      check(ignored('no-task-named'), generation, { ...EVENTS['observed-live'], source: 'poll' });
    }
  });

  test('can end it before the answer, and the answer then changes nothing', () => {
    const done = play(submitting(), RULES, [NOW, 'observed-final']);
    check(ignored('already-final'), done, 'submit-accepted');
  });
});

describe('polling', () => {
  const live = { ...EVENTS['observed-live'], source: 'poll' as const };

  test('starts after the first wait where no webhook can come', () => {
    check(
      { ...ACCEPTED, fields: { dueAt: about(NOW, 5_000) } },
      submitting({ mode: 'polling' }),
      'submit-accepted',
    );
  });

  test('counts the next poll from the previous due time, so lateness does not add up', () => {
    check(
      becomes(
        'submitted',
        { polls: 2, providerStatus: 'processing', dueAt: about(NOW - 1_000, 3_000) },
        round(),
      ),
      submitted({ dueAt: NOW - 1_000 }),
      live,
    );
  });

  test('ends with one last check at the deadline, and then is given up', () => {
    const almost = submitted({ deadlineAt: NOW + 1_000 });
    check(becomes('submitted', { dueAt: NOW + 1_000 }, round(NOW + 1_000)), almost, live);
    const last = play(almost, RULES, [NOW, live]);
    check(
      becomes('timed_out', { reason: { code: 'gave_up' }, via: 'deadline', polls: 3 }, notify),
      last,
      live,
      RULES,
      NOW + 1_000,
    );
    check(COMPLETED, last, 'observed-final');
  });

  test('ends after the greatest number of polls, where there is one', () => {
    const rules = rulesWith({ poll: { maxPolls: 10 } });
    check(becomes('submitted', { polls: 9 }, round()), submitted({ polls: 8 }), live, rules);
    check(becomes('timed_out', { polls: 10 }, notify), submitted({ polls: 9 }), live, rules);
  });

  test('is repeated at once when a hint came while the poll was in flight', () => {
    const hinted = submitted({ hintedAt: NOW - 10, polls: 4 });
    check(becomes('submitted', { polls: 5, dueAt: NOW, hintedAt: NOW - 10 }, round(NOW)), hinted, {
      ...live,
      askedAt: NOW - 50,
    });
    check(
      becomes('submitted', { dueAt: NOW }, round(NOW)),
      { ...hinted, deadlineAt: NOW - 1 },
      { ...live, askedAt: NOW - 50 },
    );
    check(becomes('submitted', { dueAt: about(NOW, 3_000) }, round()), hinted, {
      ...live,
      askedAt: NOW - 5,
    });
  });

  test('is repeated at once also when the hint came in the very millisecond it was sent', () => {
    check(becomes('submitted', { dueAt: NOW }, round(NOW)), submitted({ hintedAt: NOW - 50 }), {
      ...live,
      askedAt: NOW - 50,
    });
  });

  test('leaves in the outcome how it was asked, and when the provider took it', () => {
    const fields = {
      polls: 7,
      submittedAt: NOW - 5_000,
      task: { id: 'task-1', handle: 'h1' },
      providerStatus: undefined,
      hintedAt: undefined,
      deadlineAt: undefined,
    };
    const asked = submitted({ polls: 7, providerStatus: 'running', hintedAt: NOW - 1 });
    check({ ...COMPLETED, fields }, asked, 'observed-final');
  });

  test('a request that failed is tried again, not sooner than the provider says', () => {
    check(becomes('submitted', { dueAt: NOW + 9_000, polls: 1 }, round(NOW + 9_000)), submitted(), {
      type: 'poll-failed',
      retryAfterMs: 9_000,
    });
  });

  test('an outage is no verdict: only after a long silence past the deadline is it given up', () => {
    const silentFor = (ms: number) => ({ deadlineAt: NOW - 1, unansweredSince: NOW - ms });
    check(
      becomes('submitted', { unansweredSince: NOW }, round()),
      submitted({ deadlineAt: NOW - minutes(60 * 24) }),
      'poll-failed',
    );
    check(becomes('submitted', {}, round()), submitted(silentFor(minutes(30) - 1)), 'poll-failed');
    check(
      becomes('submitted', {}, round()),
      submitted({ ...silentFor(minutes(30)), deadlineAt: NOW + 1 }),
      'poll-failed',
    );
    check(
      becomes('timed_out', { reason: { code: 'gave_up' } }, notify),
      submitted(silentFor(minutes(30))),
      'poll-failed',
    );
  });

  test.each([
    [minutes(1), 15_000],
    [minutes(20), 60_000],
  ])('after %i ms of silence the next request waits %i ms', (silenceMs, waitMs) => {
    check(
      becomes('submitted', { dueAt: NOW + waitMs }, round(NOW + waitMs)),
      submitted({ unansweredSince: NOW - silenceMs }),
      'poll-failed',
    );
  });

  test('time in which nobody asked is no silence: an outage of our own ends nothing', () => {
    const asked = { unansweredSince: NOW - minutes(26), dueAt: NOW - minutes(25) };
    check(
      becomes('submitted', { unansweredSince: NOW - minutes(1) }, round()),
      submitted({ ...asked, deadlineAt: NOW - minutes(60) }),
      'poll-failed',
      rulesWith({ unansweredMs: minutes(2) }),
    );
  });

  test('time in which no request was answered does not count as the provider’s', () => {
    const silent = { deadlineAt: NOW - minutes(4), unansweredSince: NOW - minutes(5) };
    check(
      becomes('submitted', { unansweredSince: undefined, deadlineAt: NOW + minutes(1) }, round()),
      submitted(silent),
      { type: 'observed-live', source: 'poll', status: 'running', askedAt: NOW },
    );
    check(
      becomes('submitted', { deadlineAt: NOW + minutes(2) }, round()),
      submitted({
        submittedAt: NOW - minutes(30),
        deadlineAt: NOW - minutes(27),
        unansweredSince: NOW - minutes(50),
      }),
      { type: 'observed-live', source: 'poll', status: 'running', askedAt: NOW },
    );
  });

  test('a task that cannot be found is tolerated for a minute, then lost', () => {
    check(
      becomes('submitted', {}, round()),
      submitted({ submittedAt: NOW - 60_000 }),
      'observed-missing',
    );
    check(
      becomes('failed', { reason: { code: 'task_lost' }, via: 'poll' }, notify),
      submitted({ submittedAt: NOW - 60_001 }),
      'observed-missing',
    );
  });

  test('an answer that was long under way counts for the moment it was asked', () => {
    check(becomes('submitted', {}, round()), submitted({ submittedAt: NOW - minutes(2) }), {
      type: 'observed-missing',
      askedAt: NOW - minutes(1),
    });
    check(
      becomes('submitted', { dueAt: NOW - 1_000 }, round(NOW - 1_000)),
      submitted({ deadlineAt: NOW - 1_000 }),
      { type: 'observed-live', source: 'poll', status: 'running', askedAt: NOW - 1_001 },
    );
  });

  test('a live webhook brings news once and does not move the next poll', () => {
    check(
      becomes('submitted', { providerStatus: 'processing', dueAt: NOW + 9 }),
      submitted({ dueAt: NOW + 9 }),
      'observed-live',
    );
    check(ignored('nothing-new'), submitted({ providerStatus: 'processing' }), 'observed-live');
  });

  test('a final failure seen by a poll ends it at once', () => {
    check(
      becomes('failed', { reason: { code: 'x' }, via: 'poll', polls: 2 }, notify),
      submitted(),
      {
        ...FAILURE,
        source: 'poll',
      },
    );
  });
});

describe('a task of an older attempt', () => {
  const other = { taskId: 'task-0' };

  test('that failed does not end a newer attempt', () => {
    check(ignored('other-attempt'), submitted({ attempt: 2 }), { ...FAILURE, ...other });
    check(ignored('other-attempt'), queued({ attempt: 2 }), { ...FAILURE, ...other });
  });

  test('that succeeded does: the app gets what was paid for', () => {
    const success = { ...EVENTS['observed-final'], ...other };
    for (const g of [
      queued({ attempt: 2 }),
      submitting({ attempt: 2 }),
      submitted({ attempt: 2 }),
    ]) {
      check(COMPLETED, g, success);
    }
  });

  test('that failed does end an only attempt of which Redis lost the rest', () => {
    check(becomes('failed', {}, notify), queued(), FAILURE);
    check(becomes('failed', {}, notify), submitted(), FAILURE);
  });
});

describe('notifying', () => {
  test('is done with once notified; notified twice or overdue after that changes nothing', () => {
    for (const state of ['completed', 'failed', 'timed_out', 'canceled'] as const) {
      const notified = play(recordIn(state), RULES, [NOW, 'notified']);
      expect(notified).not.toHaveProperty('dueAt');
      check(ignored('already-notified'), notified, 'notified');
      check(ignored('already-notified'), notified, 'overdue');
    }
  });
});
