import { expect, test } from 'vitest';
import {
  Defect,
  InvalidRequest,
  NotKnownHere,
  OutcomeUnknown,
  Retryable,
  Terminal,
} from '../../../src/generation/errors.ts';
import type { GenerationEvent } from '../../../src/generation/events.ts';
import { answerOf, type CallKind } from '../../../src/outbound/http-answer.ts';
import { refusal } from '../../../src/providers/refusal.ts';
import type { SubmissionResult } from '../../../src/store/circuit.ts';
import { createSubmit } from '../../../src/workers/stages/submit.ts';
import { RECORDS } from '../../generation/fixtures.ts';
import { notUsed, stageParts } from '../../support/stage-parts.ts';

const { queued, submitting } = RECORDS;
const OOM = Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' });

/** A probe by a worker whose provider, or whose Redis, throws. */
function setup(throws: { submit?: Error; prepare?: Error; save?: Error; stopping?: true }) {
  const events: GenerationEvent[] = [];
  const reports: SubmissionResult[] = [];
  const stopping = new AbortController();
  const fail = async (error: Error): Promise<never> => {
    if (throws.stopping) stopping.abort();
    throw error;
  };
  const submit = createSubmit(
    stageParts({
      load: () => queued,
      advance: async ({ event }) => {
        if (event.type === 'prepared' && throws.save) throw throws.save;
        events.push(event);
        const generation = event.type === 'submit-started' ? submitting : queued;
        return { kind: 'moved', generation };
      },
      provider: {
        submit: () => (throws.submit ? fail(throws.submit) : notUsed()),
        prepare: async () => {
          if (throws.prepare) await fail(throws.prepare);
          return { prepared: 'an upload', done: true };
        },
      },
      circuits: {
        ask: async () => ({ kind: 'half-open', probe: '1' }),
        report: async (_model, _permit, result) => void reports.push(result),
      },
      holdQueue: async () => undefined,
      shutdownSignal: stopping.signal,
    }),
  );
  return { run: () => submit({ v: 1, id: queued.id }), events, reports };
}

const LOST = new OutcomeUnknown('no_answer', 'lost');
const DOWN = new Retryable('unavailable', 'refused');

/** As an adapter refuses: what the provider answered with this status. */
const answered = (status: number, kind: CallKind = 'submit') =>
  refusal(answerOf(kind, 'POST https://acme.test', { status, headers: {} }, Buffer.from('{}')));

const refusedUpload = new Terminal('invalid_input', 'x', { answered: true });

test.each([400, 413, 415, 422, 404, 429])(
  'an answer of %i to the submission shows that the provider is there',
  async (status) => {
    const { run, reports } = setup({ submit: answered(status) });
    await run();
    expect(reports).toEqual(['success']);
  },
);

test.each([
  [401, 'unauthorized'],
  [403, 'unauthorized'],
  [402, 'out_of_credit'],
] as const)('an answer of %i is a refusal of its own kind: %s', async (status, result) => {
  const { run, reports } = setup({ submit: answered(status) });
  await run();
  expect(reports).toEqual([result]);
});

test.each([500, 502, 503, 408, 302])(
  'an answer of %i says nothing of the submission, and is a failure',
  async (status) => {
    const { run, reports } = setup({ submit: answered(status) });
    await run();
    expect(reports).toEqual(['failure']);
  },
);

test.each([
  ['an answer that was lost', { submit: LOST }, 'failure'],
  ['a refused connection', { submit: DOWN }, 'failure'],
  ['a refused connection for an upload', { prepare: DOWN }, 'failure'],
  ['a final no', { submit: new Terminal('content_policy', 'no', { answered: true }) }, 'success'],
  ['an upload that the provider refuses', { prepare: refusedUpload }, 'success'],
  ['a check of our own', { submit: new Terminal('invalid_input', 'x') }, 'ignored'],
  ['another check of our own', { submit: new InvalidRequest('invalid_input', 'x') }, 'ignored'],
  ['a token that is refused', { submit: answered(401, 'safe-to-retry') }, 'unauthorized'],
  ['too many tokens', { submit: answered(429, 'safe-to-retry') }, 'ignored'],
  ['a picture that cannot be read', { submit: new Terminal('image_unreadable', 'x') }, 'ignored'],
  ['a picture whose host is down', { prepare: new Retryable('image_unavailable', 'x') }, 'ignored'],
  ['a call given up because the process stops', { submit: LOST, stopping: true }, 'ignored'],
  ['an upload given up because the process stops', { prepare: DOWN, stopping: true }, 'ignored'],
] as const)('to the circuit, %s means: %s', async (_what, throws, result) => {
  const { run, reports } = setup(throws);
  await run();
  expect(reports).toEqual([result]);
});

test('a free step whose answer was lost is taken again like any other "not now"', async () => {
  const { run, events } = setup({ prepare: LOST });
  await run();
  expect(events).toMatchObject([{ type: 'submit-deferred', send: 0, reason: 'unavailable' }]);
});

test.each([
  ['Redis refuses what a step brought', { save: OOM }, OOM],
  ['a step breaks an invariant', { prepare: new Defect('broken') }, new Defect('broken')],
  ['a step is for newer code', { prepare: new NotKnownHere('x') }, new NotKnownHere('x')],
])(
  'when %s the job fails, and the provider has nothing to do with it',
  async (_, throws, error) => {
    const { run, events, reports } = setup(throws);
    await expect(run()).rejects.toThrow(error.message);
    expect(events).toEqual([]);
    expect(reports).toEqual(['ignored']);
  },
);
