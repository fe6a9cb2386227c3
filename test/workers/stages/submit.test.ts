import { expect, test } from 'vitest';
import { OutcomeUnknown } from '../../../src/generation/errors.ts';
import type { GenerationEvent } from '../../../src/generation/events.ts';
import type { Generation } from '../../../src/generation/generation.ts';
import { AdapterDefect } from '../../../src/providers/adapter-defect.ts';
import type { RepeatSubmitSupport } from '../../../src/providers/provider.ts';
import { createLookUp } from '../../../src/workers/stages/reconcile.ts';
import { createSubmit } from '../../../src/workers/stages/submit.ts';
import { NOW, RECORDS } from '../../generation/fixtures.ts';
import { notUsed, stageParts } from '../../support/stage-parts.ts';

const { queued, submitting, unconfirmed } = RECORDS;

interface Circumstances {
  readonly heldUpMs?: number;
  readonly searchMs?: number;
  /** What the search answers. Default: nothing. */
  readonly found?: () => Promise<undefined>;
}

/** A worker for one record. `heldUpMs` pass while Redis takes its word; `searchMs` while it asks. */
function setup(record: Generation, times: Circumstances = {}) {
  const sent = record.state === 'queued' ? submitting : record;
  const stopping = new AbortController();
  const events: GenerationEvent[] = [];
  const calls: string[] = [];
  let clock = NOW;
  const find = async () => {
    clock += times.searchMs ?? 0;
    return times.found?.();
  };
  const parts = stageParts({
    load: () => record,
    advance: async ({ event }) => {
      events.push(event);
      clock += times.heldUpMs ?? 0;
      return { kind: 'moved', generation: sent };
    },
    provider: {
      repeatSubmit: { kind: 'search', find },
      submit: async ({ idempotencyKey }) => {
        calls.push(idempotencyKey);
        return { task: { id: 'task-1' } };
      },
    },
    shutdownSignal: stopping.signal,
    now: () => clock,
  });
  /** Like the process that is to stop while a call is under way. */
  const givenUp = (repeatSubmit: RepeatSubmitSupport) =>
    createSubmit({
      ...parts,
      provider: {
        ...parts.provider,
        repeatSubmit,
        submit: async () => {
          stopping.abort();
          throw new OutcomeUnknown('no_answer', 'given up');
        },
      },
    });
  return { submit: createSubmit(parts), lookUp: createLookUp(parts), givenUp, events, calls };
}

test('a worker that was held up after it recorded the intent does not call any more', async () => {
  const { submit, events, calls } = setup(queued, { heldUpMs: 5_001 });
  await submit({ v: 1, id: submitting.id });
  expect(calls).toEqual([]);
  expect(events).toEqual([
    { type: 'submit-started', sender: expect.any(String) },
    { type: 'submit-deferred', send: 1, reason: 'unavailable', until: NOW + 5_001 },
  ]);
});

test('a worker that was held up for no longer than a send allows calls once', async () => {
  const { submit, events, calls } = setup(queued, { heldUpMs: 5_000 });
  await submit({ v: 1, id: submitting.id });
  expect(calls).toEqual([`${submitting.id}-1`]);
  expect(events.at(-1)).toEqual({ type: 'submit-accepted', task: { id: 'task-1' } });
});

test('a search that found nothing counts for the moment it was sent', async () => {
  const { lookUp, events } = setup(unconfirmed, { searchMs: 60_000 });
  await lookUp({ v: 1, id: unconfirmed.id });
  expect(events).toEqual([{ type: 'absence-proven', send: 1, askedAt: NOW }]);
});

test('a search whose answer is understood no further than its task has found it', async () => {
  const task = { id: 'task-1' };
  const { lookUp, events } = setup(unconfirmed, {
    found: () => Promise.reject(new AdapterDefect('acme', 'find', 'handle', { task })),
  });
  await lookUp({ v: 1, id: unconfirmed.id });
  expect(events).toEqual([{ type: 'submit-accepted', task }]);
});

test('a search whose answer names no task proves nothing', async () => {
  const defect = new AdapterDefect('acme', 'find', 'id');
  const { lookUp, events } = setup(unconfirmed, { found: () => Promise.reject(defect) });
  await expect(lookUp({ v: 1, id: unconfirmed.id })).rejects.toBe(defect);
  expect(events).toEqual([]);
});

test.each<RepeatSubmitSupport>([
  { kind: 'idempotency-key', keyLifetimeMs: 60_000 },
  { kind: 'unique-reference' },
  { kind: 'none' },
])(
  'a call given up because the process stops is recorded as unknown at once: $kind',
  async (repeatSubmit) => {
    const { givenUp, events } = setup(queued);
    await givenUp(repeatSubmit)({ v: 1, id: submitting.id });
    expect(events.at(-1)).toEqual({ type: 'submit-unknown', send: submitting.sends });
  },
);

test('a call given up because the process stops is not searched for before its time', async () => {
  const { givenUp, events } = setup(queued);
  await givenUp({ kind: 'search', find: notUsed })({ v: 1, id: submitting.id });
  expect(events).toEqual([{ type: 'submit-started', sender: expect.any(String) }]);
});
