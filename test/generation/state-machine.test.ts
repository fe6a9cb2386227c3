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
type Expected =
  | { ignored: string }
  | {
      state: GenerationState;
      fields?: Record<string, unknown>;
      effects: readonly Record<string, unknown>[];
    };

/** A delay with jitter: a tenth to either side. */
const about = (fromMs: number, delayMs: number) => ({
  asymmetricMatch: (actual: unknown) =>
    typeof actual === 'number' &&
    actual >= fromMs + 0.9 * delayMs - 1 &&
    actual <= fromMs + 1.1 * delayMs + 1,
  toString: () => `about ${fromMs} + ${delayMs}`,
});

function check(
  expected: Expected,
  generation: Generation,
  event: GenerationEvent,
  rules: Rules = RULES,
  now = NOW,
): void {
  const decision = decide(deepFrozen(generation), deepFrozen(event), now, deepFrozen(rules));
  if ('ignored' in expected) {
    expect(decision).toEqual({ ignored: true, reason: expected.ignored });
    return;
  }
  if ('ignored' in decision) throw new Error(`ignored because of ${decision.reason}`);
  expect(decision.next.state).toBe(expected.state);
  for (const [field, value] of Object.entries(expected.fields ?? {})) {
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
const tell = [{ kind: 'notify' }];
const ignored = (reason: string): Expected => ({ ignored: reason });

const COMPLETED: Expected = {
  state: 'completed',
  fields: {
    results: [{ kind: 'file', url: 'https://cdn.example/1.png' }],
    finishedAt: NOW,
    via: 'webhook',
    dueAt: NOW + 30_000,
  },
  effects: tell,
};
const CANCELED: Expected = {
  state: 'canceled',
  fields: { reason: { code: 'canceled_by_app' }, finishedAt: NOW, via: 'cancel' },
  effects: tell,
};
const ACCEPTED: Expected = {
  state: 'submitted',
  fields: {
    task: { id: 'task-1', handle: 'h1' },
    submittedAt: NOW,
    deadlineAt: NOW + minutes(2),
    polls: 0,
    dueAt: about(NOW, 20_000),
  },
  effects: round(),
};
const ADOPTED: Expected = {
  state: 'submitted',
  fields: { task: { id: 'task-1' }, submittedAt: NOW, polls: 0, dueAt: about(NOW, 20_000) },
  effects: round(),
};
const ADOPTED_BY_HINT: Expected = {
  state: 'submitted',
  fields: { task: { id: 'task-1' }, submittedAt: NOW, hintedAt: NOW, dueAt: NOW },
  effects: round(NOW),
};
const REFUSED: Expected = {
  state: 'queued',
  fields: {
    hold: { reason: 'rate_limited', until: NOW + 4_000 },
    refusals: 1,
    sends: 1,
    dueAt: NOW + 34_000,
  },
  effects: submit(4_000),
};
const REJECTED: Expected = {
  state: 'failed',
  fields: { reason: { code: 'bad_image' }, via: 'submit', finishedAt: NOW },
  effects: tell,
};
const ANSWER_LOST: Expected = {
  state: 'unconfirmed',
  fields: { unconfirmedAt: NOW, firstSentAt: NOW - 4_000, dueAt: NOW + minutes(5) },
  effects: round(NOW + minutes(5)),
};

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
  overdue: { state, fields: { dueAt: NOW + 30_000, finishedAt: NOW - 1_000 }, effects: tell },
  cancel: ignored('already-final'),
  notified: { state, fields: { dueAt: undefined, finishedAt: NOW - 1_000 }, effects: [] },
  'late-notified': ignored('already-notified'),
});

/** Written by hand from the design: provider class `none`, policy `fail`, mode `hybrid`. */
const EXPECTED: Record<GenerationState, Record<EventType, Expected>> = {
  queued: {
    prepared: { state: 'queued', fields: { prepared: '{"upload":7}', sends: 0 }, effects: [] },
    held: {
      state: 'queued',
      fields: {
        hold: { reason: 'circuit_open', until: NOW + 10_000 },
        refusals: 0,
        dueAt: NOW + 40_000,
      },
      effects: [],
    },
    'submit-started': {
      state: 'submitting',
      fields: { sender: 'w2', sends: 1, attempt: 1, firstSentAt: NOW, dueAt: NOW + 90_000 },
      effects: [],
    },
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
    overdue: { state: 'queued', fields: { dueAt: NOW + 30_000 }, effects: submit() },
    cancel: CANCELED,
    notified: ignored('not-final'),
    'late-notified': ignored('not-final'),
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
    cancel: { state: 'submitting', fields: { cancelRequested: true, sends: 1 }, effects: [] },
    notified: ignored('not-final'),
    'late-notified': ignored('not-final'),
  },
  unconfirmed: {
    prepared: ignored('already-sent'),
    held: ignored('not-reconciled'),
    'submit-started': ignored('not-reconciled'),
    'submit-accepted': ACCEPTED,
    'submit-deferred': REFUSED,
    'submit-rejected': REJECTED,
    'submit-unknown': ignored('already-unconfirmed'),
    'absence-proven': {
      state: 'queued',
      fields: { hold: undefined, attempt: 1, sends: 1, dueAt: NOW + 30_000 },
      effects: submit(),
    },
    'observed-live': ADOPTED,
    'observed-final': COMPLETED,
    'observed-missing': ignored('not-polling'),
    hint: ADOPTED_BY_HINT,
    'poll-failed': ignored('not-polling'),
    overdue: {
      state: 'failed',
      fields: { reason: { code: 'outcome_unknown' }, via: 'policy' },
      effects: tell,
    },
    cancel: CANCELED,
    notified: ignored('not-final'),
    'late-notified': ignored('not-final'),
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
    'observed-live': {
      state: 'submitted',
      fields: { providerStatus: 'processing', polls: 1, dueAt: NOW },
      effects: [],
    },
    'observed-final': COMPLETED,
    'observed-missing': {
      state: 'submitted',
      fields: { polls: 2, missingChecks: 1, missingSince: NOW, dueAt: about(NOW, 3_000) },
      effects: round(),
    },
    hint: { state: 'submitted', fields: { hintedAt: NOW, dueAt: NOW }, effects: round(NOW) },
    'poll-failed': {
      state: 'submitted',
      fields: { polls: 1, unansweredSince: NOW, dueAt: about(NOW, 3_000) },
      effects: round(),
    },
    overdue: ignored('a-poll-decides'),
    cancel: { ...CANCELED, fields: { ...CANCELED.fields, task: { id: 'task-1', handle: 'h1' } } },
    notified: ignored('not-final'),
    'late-notified': ignored('not-final'),
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
    expect(EVENT_TYPES).toHaveLength(17);
    expect(Object.keys(EXPECTED).sort()).toEqual([...STATES].sort());
    for (const rows of Object.values(EXPECTED)) {
      expect(Object.keys(rows).sort()).toEqual([...EVENT_TYPES].sort());
    }
  });

  describe.each(STATES)('%s', (state) => {
    test.each(EVENT_TYPES)('%s', (eventType) => {
      check(EXPECTED[state][eventType], recordIn(state), EVENTS[eventType]);
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
function play(start: Generation, rules: Rules, ...steps: [number, GenerationEvent][]): Generation {
  return steps.reduce((generation, [now, event]) => {
    const decision = decide(deepFrozen(generation), event, now, rules);
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
    check(ignored('held'), held, EVENTS['submit-started']);
    check(
      { state: 'submitting', fields: { hold: undefined }, effects: [] },
      held,
      EVENTS['submit-started'],
      RULES,
      NOW + 1,
    );
  });

  test('sending starts no later than the deadline; then it is timed out', () => {
    const late: Expected = {
      state: 'timed_out',
      fields: { reason: { code: 'not_sent_in_time' }, via: 'deadline' },
      effects: tell,
    };
    check(late, queued({ deadlineAt: NOW }), EVENTS['submit-started']);
    check(late, queued({ deadlineAt: NOW }), EVENTS.overdue);
  });

  test('a hold longer than the deadline does not keep the app waiting past the deadline', () => {
    check(
      { state: 'queued', fields: { dueAt: NOW + 10_000 }, effects: submit(minutes(60)) },
      submitting({ deadlineAt: NOW + 10_000 }),
      { ...EVENTS['submit-deferred'], until: NOW + minutes(60) },
    );
  });

  test('a refusal until a moment already past is tried again at once', () => {
    check({ state: 'queued', fields: { dueAt: NOW + 30_000 }, effects: submit(0) }, submitting(), {
      ...EVENTS['submit-deferred'],
      until: NOW - 5,
    });
  });

  test('an overdue record with a hold issues its submit for the end of the hold', () => {
    check(
      { state: 'queued', effects: submit(7_000) },
      queued({ hold: { reason: 'out_of_credit', until: NOW + 7_000 } }),
      EVENTS.overdue,
    );
  });

  test.each([
    [10_000, 30_000],
    [minutes(2), minutes(2)],
    [minutes(30), minutes(10)],
  ])('a backlog %i ms old is issued again after %i ms, ever more rarely', (ageMs, nextMs) => {
    check(
      { state: 'queued', fields: { dueAt: NOW + nextMs }, effects: submit() },
      queued({ createdAt: NOW - ageMs, deadlineAt: NOW + minutes(60) }),
      EVENTS.overdue,
    );
  });

  test('it is never due later than its deadline', () => {
    check(
      { state: 'queued', fields: { dueAt: NOW + 1_000 }, effects: submit() },
      queued({ deadlineAt: NOW + 1_000 }),
      EVENTS.overdue,
    );
  });

  test.each(['queued', 'submitting', 'unconfirmed', 'completed', 'failed'] as const)(
    'a round that comes too late for the old due time does nothing to a %s that is due later',
    (state) => {
      check(ignored('not-due'), { ...recordIn(state), dueAt: NOW + 1 }, EVENTS.overdue);
    },
  );
});

describe('free steps before the submission', () => {
  const kept = { prepared: '{"upload":7}' };

  test('what was prepared is kept until the provider has the submission', () => {
    const queued = { ...RECORDS.queued, ...kept };
    check({ state: 'submitting', fields: kept, effects: [] }, queued, EVENTS['submit-started']);
    const submitting = { ...RECORDS.submitting, ...kept };
    check({ ...REFUSED, fields: kept }, submitting, EVENTS['submit-deferred']);
    check({ ...ANSWER_LOST, fields: kept }, submitting, EVENTS['submit-unknown']);
    check(
      { state: 'submitted', fields: { prepared: undefined }, effects: round() },
      submitting,
      EVENTS['submit-accepted'],
    );
  });

  test('a "not now" holds the generation back, once', () => {
    const event = { ...EVENTS['submit-deferred'], send: 0 };
    const hold = { reason: 'rate_limited' as const, until: NOW + 4_000 };
    check(
      { state: 'queued', fields: { hold, refusals: 1, sends: 0 }, effects: submit(4_000) },
      RECORDS.queued,
      event,
    );
    check(ignored('held'), { ...RECORDS.queued, hold }, event);
  });

  test('a final no ends it, and nothing was sent', () => {
    check(
      {
        state: 'failed',
        fields: { reason: { code: 'bad_image' }, sends: 0, via: 'submit' },
        effects: tell,
      },
      RECORDS.queued,
      { ...EVENTS['submit-rejected'], send: 0 },
    );
  });
});

describe('a hold of our own', () => {
  const hold = { reason: 'circuit_open' as const, until: NOW + 10_000 };

  test('is not shortened by another, and its job is not issued again', () => {
    check(ignored('held'), { ...RECORDS.queued, hold }, EVENTS.held);
    check(
      ignored('held'),
      { ...RECORDS.queued, hold: { ...hold, until: NOW + 1 + 10_000 } },
      EVENTS.held,
    );
  });

  test('may be longer than the app will wait', () => {
    const deadlineAt = NOW + 20_000;
    check(
      { state: 'queued', fields: { hold, dueAt: deadlineAt }, effects: [] },
      { ...RECORDS.queued, deadlineAt },
      EVENTS.held,
    );
  });

  test('keeps back a resend, inside the window of its key', () => {
    const rules = rulesWith({ repeatSubmit: 'idempotency-key' });
    check(
      {
        state: 'unconfirmed',
        fields: { resendAt: NOW + 10_000, unconfirmedAt: NOW - 2_000, dueAt: NOW + 40_000 },
        effects: [],
      },
      RECORDS.unconfirmed,
      EVENTS.held,
      rules,
    );
    check(ignored('held'), { ...RECORDS.unconfirmed, resendAt: NOW + 10_000 }, EVENTS.held, rules);
    check(
      ignored('not-reconciled'),
      { ...RECORDS.unconfirmed, firstSentAt: NOW + 10_000 - minutes(60) },
      EVENTS.held,
      rules,
    );
  });
});

describe('a cancel at the provider', () => {
  const rules = rulesWith({ canCancel: true });
  const effects = [...tell, { kind: 'cancel-task' }];

  test('is asked for where the provider can, as soon as its task is known', () => {
    check({ ...CANCELED, effects } as Expected, RECORDS.submitted, EVENTS.cancel, rules);
    check(
      { ...CANCELED, effects } as Expected,
      { ...RECORDS.submitting, cancelRequested: true },
      EVENTS['submit-accepted'],
      rules,
    );
  });

  test('is not asked for where there is no task', () => {
    check(CANCELED, RECORDS.queued, EVENTS.cancel, rules);
    check(CANCELED, RECORDS.unconfirmed, EVENTS.cancel, rules);
  });
});

describe('an answer that was lost', () => {
  const resendSoon: Expected = {
    state: 'unconfirmed',
    fields: { resendAt: about(NOW, 1_000), unconfirmedAt: NOW, dueAt: about(NOW + 30_000, 1_000) },
    effects: submit(about(0, 1_000)),
  };

  test.each([
    ['idempotency-key', resendSoon],
    ['unique-reference', resendSoon],
    ['search', { state: 'unconfirmed', fields: { dueAt: NOW + 15_000 }, effects: round() }],
    ['none', ANSWER_LOST],
  ] as const)('is followed up as the class %s allows', (repeatSubmit, expected) => {
    const rules = rulesWith({ repeatSubmit });
    check(expected, submitting(), EVENTS['submit-unknown'], rules);
    check(expected, submitting(), EVENTS.overdue, rules);
  });

  test('each further loss doubles the wait before the next send, up to a minute', () => {
    const rules = rulesWith({ repeatSubmit: 'idempotency-key' });
    const lost = (sends: number, waitMs: number) =>
      check(
        {
          state: 'unconfirmed',
          fields: { resendAt: about(NOW, waitMs) },
          effects: submit(about(0, waitMs)),
        },
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
        {
          state: 'submitting',
          fields: {
            attempt: 1,
            sends: 2,
            uncertain: true,
            firstSentAt: NOW - 4_000,
            dueAt: NOW + 90_000,
          },
          effects: [],
        },
        unconfirmed(),
        EVENTS['submit-started'],
        rules,
      );
      check(ignored('held'), unconfirmed({ resendAt: NOW + 1 }), EVENTS['submit-started'], rules);
      check(
        { state: 'unconfirmed', fields: { dueAt: NOW + 30_000, sends: 1 }, effects: submit(500) },
        unconfirmed({ resendAt: NOW + 500 }),
        EVENTS.overdue,
        rules,
      );
    },
  );

  test('is not sent again once the key is forgotten or the deadline is over', () => {
    const keyed = rulesWith({ repeatSubmit: 'idempotency-key' });
    const forgotten = unconfirmed({ firstSentAt: NOW - minutes(60) });
    check(ignored('not-reconciled'), forgotten, EVENTS['submit-started'], keyed);
    check(
      { state: 'failed', fields: { reason: { code: 'outcome_unknown' } }, effects: tell },
      forgotten,
      EVENTS.overdue,
      keyed,
    );
    check(
      {
        state: 'unconfirmed',
        fields: { dueAt: NOW + minutes(5) },
        effects: round(NOW + minutes(5)),
      },
      submitting({ firstSentAt: NOW - minutes(60) }),
      EVENTS['submit-unknown'],
      keyed,
    );
    for (const repeatSubmit of ['idempotency-key', 'unique-reference', 'search'] as const) {
      const rules = rulesWith({ repeatSubmit });
      check(
        ignored('not-reconciled'),
        unconfirmed({ deadlineAt: NOW }),
        EVENTS['submit-started'],
        rules,
      );
      check(
        { state: 'failed', fields: { reason: { code: 'outcome_unknown' } }, effects: tell },
        unconfirmed({ deadlineAt: NOW }),
        EVENTS.overdue,
        rules,
      );
    }
  });

  test('waits for a webhook when the key will be forgotten before it could be sent again', () => {
    check(
      { state: 'unconfirmed', fields: { dueAt: NOW + minutes(5) }, effects: round() },
      submitting({ firstSentAt: NOW - minutes(60) + 500 }),
      EVENTS['submit-unknown'],
      rulesWith({ repeatSubmit: 'idempotency-key' }),
    );
  });

  test('is looked up under search, and sent again only when proven absent', () => {
    const rules = rulesWith({ repeatSubmit: 'search' });
    check(ignored('not-reconciled'), unconfirmed(), EVENTS['submit-started'], rules);
    check(
      { state: 'unconfirmed', fields: { dueAt: NOW + 30_000 }, effects: [{ kind: 'look-up' }] },
      unconfirmed(),
      EVENTS.overdue,
      rules,
    );
    const again = play(
      unconfirmed(),
      rules,
      [NOW, EVENTS['absence-proven']],
      [NOW + 1, EVENTS['submit-started']],
    );
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
      { state: 'queued', effects: submit() },
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
          { state: 'unconfirmed', fields: { dueAt: NOW + nextMs }, effects: [expect.anything()] },
          unconfirmed({ unconfirmedAt: NOW - ageMs, deadlineAt: NOW + minutes(60) }),
          EVENTS.overdue,
          rulesWith({ repeatSubmit }),
        );
      }
    }
  });

  test('is paid for again only under the policy resubmit, as a new attempt', () => {
    const rules = rulesWith({ onUnknownOutcome: 'resubmit' });
    check(
      {
        state: 'queued',
        fields: { attempt: 2, sends: 1, refusals: 0, hold: undefined, uncertain: undefined },
        effects: submit(),
      },
      unconfirmed({ refusals: 3 }),
      EVENTS.overdue,
      rules,
    );
    check(ignored('not-reconciled'), unconfirmed(), EVENTS['submit-started'], rules);
  });

  test('a webhook that comes after all ends the wait, whatever the class', () => {
    for (const repeatSubmit of ['idempotency-key', 'unique-reference', 'search', 'none'] as const) {
      const rules = rulesWith({ repeatSubmit });
      check(COMPLETED, unconfirmed(), EVENTS['observed-final'], rules);
      check(ADOPTED, unconfirmed(), EVENTS['observed-live'], rules);
      check(ADOPTED_BY_HINT, unconfirmed(), EVENTS.hint, rules);
    }
  });
});

describe('a refusal while an earlier send is unaccounted for', () => {
  const rules = rulesWith({ repeatSubmit: 'idempotency-key' });
  const refusal = { ...EVENTS['submit-deferred'], send: 2 };

  test('proves nothing: it stays unconfirmed and is sent again after the refusal is over', () => {
    check(
      {
        state: 'unconfirmed',
        fields: {
          refusals: 1,
          uncertain: true,
          unconfirmedAt: NOW,
          resendAt: NOW + 4_000,
          hold: undefined,
        },
        effects: submit(4_000),
      },
      submitting({ sends: 2, uncertain: true }),
      refusal,
      rules,
    );
  });

  test('keeps the moment at which the answer was first lost', () => {
    check(
      {
        state: 'unconfirmed',
        fields: { unconfirmedAt: NOW - 2_000, refusals: 1 },
        effects: submit(4_000),
      },
      unconfirmed({ sends: 2, uncertain: true }),
      refusal,
      rules,
    );
  });

  test('even a final no leaves time for the webhook of the earlier send, and is told after it', () => {
    const waiting: Expected = {
      state: 'unconfirmed',
      fields: { rejection: { code: 'bad_image' }, dueAt: NOW + minutes(5) },
      effects: round(NOW + minutes(5)),
    };
    const rejected = { ...EVENTS['submit-rejected'], send: 2 };
    check(waiting, submitting({ sends: 2, uncertain: true }), rejected, rules);

    const until = play(submitting({ sends: 2, uncertain: true }), rules, [NOW, rejected]);
    check(ignored('not-reconciled'), until, EVENTS['submit-started'], rules);
    check(COMPLETED, until, EVENTS['observed-final'], rules);
    const failed = play(until, rules, [NOW + minutes(5), EVENTS.overdue]);
    expect(failed).toMatchObject({ state: 'failed', reason: { code: 'bad_image' } });
  });

  test('proves something again once a new attempt has begun', () => {
    const resubmit = rulesWith({ repeatSubmit: 'idempotency-key', onUnknownOutcome: 'resubmit' });
    const fresh = play(
      unconfirmed({ uncertain: true, firstSentAt: NOW - minutes(60) }),
      resubmit,
      [NOW, EVENTS.overdue],
      [NOW, EVENTS['submit-started']],
    );
    expect(fresh).toMatchObject({ state: 'submitting', attempt: 2, sends: 2, firstSentAt: NOW });
    check({ state: 'queued', effects: submit(4_000) }, fresh, refusal, resubmit);
  });
});

describe('a late answer to an older send', () => {
  const stale = ['submit-deferred', 'submit-rejected', 'submit-unknown'] as const;

  test.each(stale)('%s cannot move a newer send', (type) => {
    check(ignored('other-send'), submitting({ sends: 2 }), EVENTS[type]);
  });

  test.each(['submit-deferred', 'submit-rejected', 'absence-proven'] as const)(
    '%s cannot move a newer send that is itself unconfirmed',
    (type) => {
      check(
        ignored('other-send'),
        unconfirmed({ sends: 2 }),
        EVENTS[type],
        rulesWith({ repeatSubmit: 'search' }),
      );
    },
  );

  test('an acceptance is taken whenever it comes: the provider has the work', () => {
    check(ACCEPTED, submitting({ sends: 2, uncertain: true }), EVENTS['submit-accepted']);
    check(ACCEPTED, unconfirmed({ sends: 2, uncertain: true }), EVENTS['submit-accepted']);
    check(ACCEPTED, queued({ sends: 2, attempt: 2 }), EVENTS['submit-accepted']);
  });
});

describe('a cancel while the request is in flight', () => {
  const pending = submitting({ cancelRequested: true });

  test('waits for the answer, and asking twice changes nothing', () => {
    check(ignored('cancel-pending'), pending, EVENTS.cancel);
  });

  test('ends it when the provider accepted, and keeps the task for the operator', () => {
    check(
      { ...CANCELED, fields: { task: { id: 'task-1', handle: 'h1' } } },
      pending,
      EVENTS['submit-accepted'],
    );
    check({ ...CANCELED, fields: { task: { id: 'task-1' } } }, pending, EVENTS['observed-live']);
    check({ ...CANCELED, fields: { task: { id: 'task-1' } } }, pending, EVENTS.hint);
  });

  test.each(['submit-deferred', 'submit-unknown', 'overdue'] as const)(
    'ends it on %s, and nothing is sent again',
    (type) => {
      check(CANCELED, pending, EVENTS[type]);
      check(CANCELED, pending, EVENTS[type], rulesWith({ repeatSubmit: 'idempotency-key' }));
      check(
        CANCELED,
        { ...pending, uncertain: true },
        EVENTS[type],
        rulesWith({ repeatSubmit: 'idempotency-key' }),
      );
    },
  );

  test('does not hide a verdict of the provider', () => {
    check(REJECTED, pending, EVENTS['submit-rejected']);
    check(COMPLETED, pending, EVENTS['observed-final']);
  });
});

describe('a webhook that overtakes the submit answer', () => {
  test('adopts the task, and the late answer adds what only it knows', () => {
    const adopted = play(submitting(), RULES, [NOW, EVENTS.hint]);
    check(
      {
        state: 'submitted',
        fields: { task: { id: 'task-1', handle: 'h1' }, hintedAt: NOW, dueAt: NOW },
        effects: [],
      },
      adopted,
      EVENTS['submit-accepted'],
      RULES,
      NOW + 5,
    );
  });

  test('is overruled by the submit answer about which task it is', () => {
    const adopted = play(submitting(), RULES, [NOW, { type: 'hint', taskId: 'task-0' }]);
    check(
      { state: 'submitted', fields: { task: { id: 'task-1', handle: 'h1' } }, effects: [] },
      adopted,
      EVENTS['submit-accepted'],
      RULES,
      NOW + 5,
    );
  });

  test('is not moved by a late refusal, rejection or loss', () => {
    const adopted = play(submitting(), RULES, [NOW, EVENTS['observed-live']]);
    for (const type of ['submit-deferred', 'submit-rejected', 'submit-unknown'] as const) {
      check(ignored('already-accepted'), adopted, EVENTS[type]);
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
    const done = play(submitting(), RULES, [NOW, EVENTS['observed-final']]);
    check(ignored('already-final'), done, EVENTS['submit-accepted']);
  });
});

describe('polling', () => {
  const live = { ...EVENTS['observed-live'], source: 'poll' as const };

  test('starts after the first wait where no webhook can come', () => {
    check(
      { ...ACCEPTED, fields: { dueAt: about(NOW, 5_000) } },
      submitting({ mode: 'polling' }),
      EVENTS['submit-accepted'],
    );
  });

  test('counts the next poll from the previous due time, so lateness does not add up', () => {
    check(
      {
        state: 'submitted',
        fields: { polls: 2, providerStatus: 'processing', dueAt: about(NOW - 1_000, 3_000) },
        effects: round(),
      },
      submitted({ dueAt: NOW - 1_000 }),
      live,
    );
  });

  test('ends with one last check at the deadline, and then is given up', () => {
    const almost = submitted({ deadlineAt: NOW + 1_000 });
    check(
      { state: 'submitted', fields: { dueAt: NOW + 1_000 }, effects: round(NOW + 1_000) },
      almost,
      live,
    );
    const last = play(almost, RULES, [NOW, live]);
    check(
      {
        state: 'timed_out',
        fields: { reason: { code: 'gave_up' }, via: 'deadline', polls: 3 },
        effects: tell,
      },
      last,
      live,
      RULES,
      NOW + 1_000,
    );
    check(COMPLETED, last, EVENTS['observed-final']);
  });

  test('ends after the greatest number of polls, where there is one', () => {
    const rules = rulesWith({ poll: { maxPolls: 10 } });
    check(
      { state: 'submitted', fields: { polls: 9 }, effects: round() },
      submitted({ polls: 8 }),
      live,
      rules,
    );
    check(
      { state: 'timed_out', fields: { polls: 10 }, effects: tell },
      submitted({ polls: 9 }),
      live,
      rules,
    );
  });

  test('is repeated at once when a hint came while the poll was in flight', () => {
    const hinted = submitted({ hintedAt: NOW - 10, polls: 4 });
    check(
      {
        state: 'submitted',
        fields: { polls: 5, dueAt: NOW, hintedAt: NOW - 10 },
        effects: round(NOW),
      },
      hinted,
      { ...live, askedAt: NOW - 50 },
    );
    check(
      { state: 'submitted', fields: { dueAt: NOW }, effects: round(NOW) },
      { ...hinted, deadlineAt: NOW - 1 },
      { ...live, askedAt: NOW - 50 },
    );
    check({ state: 'submitted', fields: { dueAt: about(NOW, 3_000) }, effects: round() }, hinted, {
      ...live,
      askedAt: NOW - 5,
    });
  });

  test('is repeated at once also when the hint came in the very millisecond it was sent', () => {
    check(
      { state: 'submitted', fields: { dueAt: NOW }, effects: round(NOW) },
      submitted({ hintedAt: NOW - 50 }),
      { ...live, askedAt: NOW - 50 },
    );
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
    check({ ...COMPLETED, fields }, asked, EVENTS['observed-final']);
  });

  test('a request that failed is tried again, not sooner than the provider says', () => {
    check(
      { state: 'submitted', fields: { dueAt: NOW + 9_000, polls: 1 }, effects: round(NOW + 9_000) },
      submitted(),
      { type: 'poll-failed', retryAfterMs: 9_000 },
    );
  });

  test('an outage is no verdict: only after a long silence past the deadline is it given up', () => {
    const silentFor = (ms: number) => ({ deadlineAt: NOW - 1, unansweredSince: NOW - ms });
    check(
      { state: 'submitted', fields: { unansweredSince: NOW }, effects: round() },
      submitted({ deadlineAt: NOW - minutes(60 * 24) }),
      EVENTS['poll-failed'],
    );
    check(
      { state: 'submitted', effects: round() },
      submitted(silentFor(minutes(30) - 1)),
      EVENTS['poll-failed'],
    );
    check(
      { state: 'submitted', effects: round() },
      submitted({ ...silentFor(minutes(30)), deadlineAt: NOW + 1 }),
      EVENTS['poll-failed'],
    );
    check(
      { state: 'timed_out', fields: { reason: { code: 'gave_up' } }, effects: tell },
      submitted(silentFor(minutes(30))),
      EVENTS['poll-failed'],
    );
  });

  test.each([
    [minutes(1), 15_000],
    [minutes(20), 60_000],
  ])('after %i ms of silence the next request waits %i ms', (silenceMs, waitMs) => {
    check(
      { state: 'submitted', fields: { dueAt: NOW + waitMs }, effects: round(NOW + waitMs) },
      submitted({ unansweredSince: NOW - silenceMs }),
      EVENTS['poll-failed'],
    );
  });

  test('time in which nobody asked is no silence: an outage of our own ends nothing', () => {
    const asked = { unansweredSince: NOW - minutes(26), dueAt: NOW - minutes(25) };
    check(
      { state: 'submitted', fields: { unansweredSince: NOW - minutes(1) }, effects: round() },
      submitted({ ...asked, deadlineAt: NOW - minutes(60) }),
      EVENTS['poll-failed'],
      rulesWith({ unansweredMs: minutes(2) }),
    );
  });

  test('time in which no request was answered does not count as the provider’s', () => {
    const silent = { deadlineAt: NOW - minutes(4), unansweredSince: NOW - minutes(5) };
    check(
      {
        state: 'submitted',
        fields: { unansweredSince: undefined, deadlineAt: NOW + minutes(1) },
        effects: round(),
      },
      submitted(silent),
      { type: 'observed-live', source: 'poll', status: 'running', askedAt: NOW },
    );
    check(
      { state: 'submitted', fields: { deadlineAt: NOW + minutes(2) }, effects: round() },
      submitted({
        submittedAt: NOW - minutes(30),
        deadlineAt: NOW - minutes(27),
        unansweredSince: NOW - minutes(50),
      }),
      { type: 'observed-live', source: 'poll', status: 'running', askedAt: NOW },
    );
  });

  test('an answer that was long under way counts for the moment it was asked', () => {
    check(
      { state: 'submitted', fields: { dueAt: NOW - 1_000 }, effects: round(NOW - 1_000) },
      submitted({ deadlineAt: NOW - 1_000 }),
      { type: 'observed-live', source: 'poll', status: 'running', askedAt: NOW - 1_001 },
    );
  });

  test('a live webhook brings news once and does not move the next poll', () => {
    check(
      { state: 'submitted', fields: { providerStatus: 'processing', dueAt: NOW + 9 }, effects: [] },
      submitted({ dueAt: NOW + 9 }),
      EVENTS['observed-live'],
    );
    check(
      ignored('nothing-new'),
      submitted({ providerStatus: 'processing' }),
      EVENTS['observed-live'],
    );
  });

  test('a final failure seen by a poll ends it at once', () => {
    check(
      { state: 'failed', fields: { reason: { code: 'x' }, via: 'poll', polls: 2 }, effects: tell },
      submitted(),
      { ...FAILURE, source: 'poll' },
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
    check({ state: 'failed', effects: tell }, queued(), FAILURE);
    check({ state: 'failed', effects: tell }, submitted(), FAILURE);
  });
});

describe('telling', () => {
  test('is done with once told; told twice or overdue after that changes nothing', () => {
    for (const state of ['completed', 'failed', 'timed_out', 'canceled'] as const) {
      const told = play(recordIn(state), RULES, [NOW, EVENTS.notified]);
      expect(told).not.toHaveProperty('dueAt');
      check(ignored('already-notified'), told, EVENTS.notified);
      check(ignored('already-notified'), told, EVENTS.overdue);
    }
  });
});
