import { expect, test } from 'vitest';
import type { GenerationEvent } from '../../src/generation/events.ts';
import {
  Generation,
  type GenerationState,
  type Unsuccessful,
} from '../../src/generation/generation.ts';
import { GenerationId } from '../../src/generation/ids.ts';
import { type RedriveWay, redriven } from '../../src/generation/redrive.ts';
import { decide } from '../../src/generation/state-machine.ts';
import { EVENTS, minutes, NOW, RECORDS, rulesWith } from './fixtures.ts';

type OptionalIn<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];
/** Each field that some state may have or not have. */
type OptionalField = Generation extends infer G
  ? G extends unknown
    ? OptionalIn<G>
    : never
  : never;
type Values = Readonly<Record<string, unknown>>;

const OTHER = GenerationId.parse('gen_01HYYYYYYYYYYYYYYYYYYYYYYY');

/** A value of each optional field, told apart from any that the state machine would set. */
const VALUES: Readonly<Record<OptionalField, unknown>> = {
  metadata: { mark: 'metadata' },
  callbackUrl: 'https://app.example/mark',
  denials: 7,
  redriveOf: OTHER,
  goesOnWith: { id: OTHER, attempt: 1, mode: 'hybrid' },
  prepared: '{"mark":1}',
  hold: { reason: 'unauthorized', until: NOW - 77 },
  sender: 'mark',
  uncertain: true,
  cancelRequested: true,
  rejection: { code: 'mark', message: '' },
  hintedAt: NOW - 777,
  said: { outcome: { verdict: 'completed', results: [] }, at: NOW - 555 },
  unansweredSince: NOW - 888,
  missingChecks: 7,
  missingSince: NOW - 555,
  providerStatus: 'mark',
  progress: 0.777,
  onceKey: 'mark',
  learned: { verdict: 'completed', results: [] },
  charge: { amount: 777, unit: 'mark' },
  listPrice: 'mark',
  isTest: true,
  lane: 'batch',
  keptResults: true,
  submittedAt: NOW - 999,
  task: { id: 'mark' },
  firstSentAt: NOW - 3_333,
  isNotified: true,
  lastCheckAt: NOW - 66,
  late: {
    outcome: { verdict: 'failed', reason: { code: 'mark', message: '' } },
    at: 7,
    via: 'poll',
  },
  dueAt: NOW,
};
const MANY_EVENTS: readonly GenerationEvent[] = [
  ...Object.values(EVENTS),
  { ...EVENTS['observed-live'], source: 'poll' },
  { ...EVENTS['observed-live'], source: 'poll', askedAt: NOW - 800 },
  { ...EVENTS['submit-deferred'], send: 0 },
  { ...EVENTS['submit-rejected'], send: 0 },
];
const RULES = (['none', 'idempotency-key', 'search'] as const).flatMap((repeatSubmit) =>
  (['fail', 'resubmit'] as const).map((onUnknownOutcome) =>
    rulesWith({ repeatSubmit, onUnknownOutcome }),
  ),
);

const GAVE_UP = { via: 'deadline', reason: { code: 'gave_up', message: '' } } as const;
const LAST_CHECK_MADE = (['failed', 'timed_out', 'canceled'] as const).flatMap((state) =>
  ['observed-final', 'observed-live', 'observed-missing', 'poll-failed'].map(
    (event) => `${state} → ${state} by ${event}`,
  ),
);

/**
 * Where a field is not carried over although the next record could have it: `from → to by event`.
 * Elsewhere it is. `always`: every move sets it anew. A field that is new in the record stands here
 * before this compiles; what becomes of it is then somebody's decision.
 */
const NOT_CARRIED: Readonly<Record<OptionalField, readonly string[] | 'always'>> = {
  metadata: [],
  callbackUrl: [],
  denials: ['unconfirmed → queued by overdue'],
  redriveOf: [],
  goesOnWith: [],
  // Nothing was sent, or the provider refused what was: nobody will send the same once more.
  prepared: [
    'queued → queued by prepared',
    'queued → timed_out by submit-started',
    'queued → timed_out by overdue',
    'queued → completed by observed-final',
    'queued → canceled by cancel',
    'queued → failed by submit-rejected',
    'submitting → failed by submit-rejected',
    'unconfirmed → failed by submit-rejected',
  ],
  hold: ['queued → queued by held', 'queued → queued by submit-deferred'],
  sender: [],
  uncertain: [],
  cancelRequested: [],
  rejection: ['unconfirmed → unconfirmed by submit-rejected'],
  hintedAt: ['submitted → submitted by hint'],
  // Denied by a check that saw the task alive, or settled: its result is the late one then.
  said: [
    'submitted → submitted by observed-live',
    'submitted → timed_out by observed-live',
    'submitted → canceled by cancel',
    ...(['failed', 'timed_out', 'canceled'] as const).flatMap((state) =>
      (['observed-final', 'observed-live', 'observed-missing', 'poll-failed'] as const).map(
        (event) => `${state} → ${state} by ${event}`,
      ),
    ),
  ],
  unansweredSince: [
    'submitted → submitted by observed-live',
    'submitted → submitted by observed-missing',
    'submitted → submitted by poll-failed',
  ],
  missingChecks: [
    'submitted → submitted by observed-live',
    'submitted → submitted by observed-missing',
    'submitted → submitted by submit-accepted',
  ],
  missingSince: [
    'submitted → submitted by observed-live',
    'submitted → submitted by submit-accepted',
  ],
  providerStatus: ['submitted → submitted by observed-live'],
  progress: [],
  onceKey: [],
  learned: [],
  charge: [],
  listPrice: [],
  isTest: [],
  lane: [],
  keptResults: [],
  submittedAt: [],
  task: ['submitted → submitted by submit-accepted'],
  // The refusal accounts for the only send there was.
  firstSentAt: [
    'submitting → failed by submit-rejected',
    'unconfirmed → failed by submit-rejected',
  ],
  // Said only while something else is owed.
  isNotified: LAST_CHECK_MADE,
  // There is one.
  lastCheckAt: [...LAST_CHECK_MADE, 'timed_out → timed_out by hint'],
  // A late success after a late failure.
  late: [
    'timed_out → timed_out by observed-final',
    'timed_out → timed_out by observed-missing',
    'timed_out → timed_out by poll-failed',
  ],
  dueAt: 'always',
};
const FIELDS = Object.keys(VALUES) as OptionalField[];

/** What a record of this state can hold. */
function fieldsOf(state: GenerationState): ReadonlySet<string> {
  const option = Generation.options.find(({ shape }) => shape.state.safeParse(state).success);
  return new Set(Object.keys(option?.shape ?? {}));
}

/** Records of this state with all that they can hold, and with all but what bars other moves. */
function fullRecords(state: GenerationState): Generation[] {
  const can = fieldsOf(state);
  const bars: OptionalField[][] = [
    [],
    ['rejection'],
    ['cancelRequested'],
    ['uncertain', 'cancelRequested'],
    ['hintedAt'],
    ['said'],
  ];
  return bars.flatMap((without) => {
    const values = FIELDS.filter((field) => can.has(field) && !without.includes(field));
    const held = Object.fromEntries(values.map((field) => [field, VALUES[field]]));
    const record = Generation.parse({ ...RECORDS[state], ...held });
    // Ended by a guess of ours, so that it still listens.
    return state === 'timed_out'
      ? [
          record,
          Generation.parse({ ...record, ...GAVE_UP, late: undefined }),
          { ...record, ...GAVE_UP },
        ]
      : [record];
  });
}

function* movesFrom(state: GenerationState) {
  for (const before of fullRecords(state))
    for (const event of MANY_EVENTS)
      for (const rules of RULES)
        for (const now of [NOW, NOW + minutes(90)]) {
          const decision = decide(before, event, now, rules);
          if ('ignored' in decision) continue;
          const { next } = decision;
          yield { before, next, name: `${state} → ${next.state} by ${event.type}` };
        }
}

test('no optional field vanishes or changes at a transition, but where the table says so', () => {
  const found = new Map<OptionalField, Set<string>>(FIELDS.map((field) => [field, new Set()]));
  for (const state of Object.keys(RECORDS) as GenerationState[]) {
    for (const { before, next, name } of movesFrom(state)) {
      const possible = fieldsOf(next.state);
      for (const field of FIELDS.filter((one) => possible.has(one) && one in before)) {
        const [was, is] = [before, next].map((g) => JSON.stringify((g as Values)[field]));
        if (was !== is) found.get(field)?.add(name);
      }
    }
  }
  for (const field of FIELDS) {
    const expected = NOT_CARRIED[field];
    if (expected !== 'always') {
      expect([...(found.get(field) ?? [])].sort(), field).toEqual([...expected].sort());
    }
  }
});

test('a redrive holds what was asked for, and of the rest what its way needs', () => {
  const old = fullRecords('timed_out')[0] as Unsuccessful;
  const start = { id: RECORDS.queued.id, now: NOW, dueAt: NOW, maxQueuedMs: 1, giveUpAfterMs: 1 };
  const fields = (way: RedriveWay) =>
    FIELDS.filter((field) => field in (redriven(old, way, start) ?? {})).sort();
  const always: OptionalField[] = [
    'callbackUrl',
    'dueAt',
    'isTest',
    'keptResults',
    'lane',
    'listPrice',
    'metadata',
    'redriveOf',
  ];
  expect(fields('submit_anew')).toEqual(always);
  expect(fields('check_again')).toEqual([...always, 'submittedAt', 'task'].sort());
  for (const way of ['same_key', 'search'] as const) {
    const more = ['firstSentAt', 'goesOnWith', 'prepared', 'uncertain'];
    expect(fields(way)).toEqual([...always, ...more].sort());
    expect(redriven(old, way, start)).toMatchObject({
      metadata: VALUES.metadata,
      callbackUrl: VALUES.callbackUrl,
      goesOnWith: VALUES.goesOnWith,
      prepared: VALUES.prepared,
      firstSentAt: VALUES.firstSentAt,
      redriveOf: old.id,
    });
  }
});
