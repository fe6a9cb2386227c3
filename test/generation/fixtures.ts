import type { EventOf, EventType } from '../../src/generation/events.ts';
import type { Generation, GenerationState, InState } from '../../src/generation/generation.ts';
import { GenerationId, newGenerationId } from '../../src/generation/ids.ts';
import type { Rules } from '../../src/generation/rules.ts';

/** The moment everything here is decided at, unless a test says otherwise. */
export const NOW = 1_800_000_000_000;
const CREATED = NOW - 10_000;

export const minutes = (n: number): number => n * 60_000;

/** A provider that can do nothing about a repeated submission, and the careful policy. */
export const RULES: Rules = {
  repeatSubmit: 'none',
  keyWindowMs: minutes(60),
  onUnknownOutcome: 'fail',
  unconfirmedGraceMs: minutes(5),
  sendOverdueMs: 90_000,
  unansweredMs: minutes(30),
  canCancel: false,
  poll: {
    firstAfterMs: 5_000,
    everyMs: 3_000,
    factor: 1,
    longestMs: 3_000,
    webhookGraceMs: 20_000,
    giveUpAfterMs: minutes(2),
  },
};

export function rulesWith(
  changes: Omit<Partial<Rules>, 'poll'> & { poll?: Partial<Rules['poll']> },
) {
  return { ...RULES, ...changes, poll: { ...RULES.poll, ...changes.poll } } satisfies Rules;
}

const common = {
  id: GenerationId.parse('gen_01HZZZZZZZZZZZZZZZZZZZZZZZ'),
  version: 3,
  tenant: 'acme',
  provider: 'fashn',
  model: 'tryon-v1.6',
  mode: 'hybrid' as const,
  input: { model_image: 'https://img.example/a.png' },
  metadata: { order: 7 },
  callbackUrl: 'https://app.example/done',
  createdAt: CREATED,
  attempt: 1,
  refusals: 0,
};

const sentOnce = { ...common, sends: 1 };
const ended = {
  ...sentOnce,
  submittedAt: NOW - 5_000,
  finishedAt: NOW - 1_000,
  via: 'webhook' as const,
  polls: 1,
  task: { id: 'task-1', handle: 'h1' },
  dueAt: NOW,
};

const reason = { code: 'bad_image', message: 'No person found.' };

type Unsuccessful = InState<'failed' | 'timed_out' | 'canceled'>;

/** A typical record of each state, due now. */
export const RECORDS: {
  [S in GenerationState]: Extract<Generation, { state: S }> extends never
    ? Unsuccessful
    : InState<S>;
} = {
  queued: {
    ...common,
    state: 'queued',
    sends: 0,
    dueAt: NOW,
    deadlineAt: CREATED + minutes(15),
  },
  submitting: {
    ...sentOnce,
    state: 'submitting',
    sender: 'w1',
    dueAt: NOW,
    deadlineAt: CREATED + minutes(15),
    firstSentAt: NOW - 4_000,
  },
  unconfirmed: {
    ...sentOnce,
    state: 'unconfirmed',
    dueAt: NOW,
    deadlineAt: CREATED + minutes(15),
    firstSentAt: NOW - 4_000,
    unconfirmedAt: NOW - 2_000,
    resendAt: NOW - 1_000,
  },
  submitted: {
    ...sentOnce,
    state: 'submitted',
    task: { id: 'task-1', handle: 'h1' },
    submittedAt: NOW - 5_000,
    deadlineAt: NOW - 5_000 + minutes(2),
    dueAt: NOW,
    polls: 1,
  },
  completed: {
    ...ended,
    state: 'completed',
    results: [{ kind: 'file', url: 'https://cdn.example/out.png' }],
  },
  failed: { ...ended, state: 'failed', reason },
  timed_out: { ...ended, state: 'timed_out', reason },
  canceled: { ...ended, state: 'canceled', reason },
};

/** A typical event of each type, about the send and the task of the records above. */
export const EVENTS: { [T in EventType]: EventOf<T> } = {
  prepared: { type: 'prepared', data: '{"upload":7}' },
  held: { type: 'held', reason: 'circuit_open', until: NOW + 10_000 },
  'submit-started': { type: 'submit-started', sender: 'w2' },
  'submit-accepted': { type: 'submit-accepted', task: { id: 'task-1', handle: 'h1' } },
  'submit-deferred': {
    type: 'submit-deferred',
    send: 1,
    reason: 'rate_limited',
    until: NOW + 4_000,
  },
  'submit-rejected': { type: 'submit-rejected', send: 1, reason },
  'submit-unknown': { type: 'submit-unknown', send: 1 },
  'absence-proven': { type: 'absence-proven', send: 1, askedAt: NOW + 13_000 },
  'observed-live': {
    type: 'observed-live',
    source: 'webhook',
    status: 'processing',
    taskId: 'task-1',
  },
  'observed-final': {
    type: 'observed-final',
    source: 'webhook',
    taskId: 'task-1',
    outcome: {
      verdict: 'completed',
      results: [{ kind: 'file', url: 'https://cdn.example/1.png' }],
    },
  },
  'observed-missing': { type: 'observed-missing' },
  hint: { type: 'hint', taskId: 'task-1' },
  'poll-failed': { type: 'poll-failed' },
  overdue: { type: 'overdue' },
  cancel: { type: 'cancel' },
  notified: { type: 'notified' },
  'late-notified': { type: 'late-notified' },
};

/** A new queued record with an id of its own. */
export function newRecord(changes: Partial<InState<'queued'>> = {}): InState<'queued'> {
  return { ...RECORDS.queued, id: newGenerationId(NOW), version: 0, ...changes };
}

/** Freezes all of it, so that a write to it throws. */
export function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFrozen(inner);
  }
  return value;
}

/** As a record whose state the compiler does not know. */
export function recordIn(state: GenerationState): Generation {
  return RECORDS[state];
}
