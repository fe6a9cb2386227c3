import { describe, expect, test } from 'vitest';
import { Retryable, Terminal } from '../../../src/generation/errors.ts';
import type { Generation } from '../../../src/generation/generation.ts';
import { decide } from '../../../src/generation/state-machine.ts';
import type { SubmissionResult } from '../../../src/store/circuit.ts';
import { createSubmit } from '../../../src/workers/stages/submit.ts';
import { minutes, NOW, newRecord, RULES } from '../../generation/fixtures.ts';
import { stageParts } from '../../support/stage-parts.ts';

const DAY = minutes(24 * 60);

/** What a picture's host says, as the image source words it. */
const refusedPicture = (retryAfterMs?: number) =>
  new Retryable('image_unavailable', 'An image’s host answered 403', {
    retryAfterMs,
    ifItLasts: new Terminal('image_unreadable', 'its host keeps answering 403'),
  });

/**
 * Tries one generation for a day, each time when its hold is over, until it ends or is accepted. The
 * state machine is the real one; time is passed in.
 */
async function tried(step: 'prepare' | 'submit', meets: (tries: number) => Error | undefined) {
  let record: Generation = newRecord({ deadlineAt: NOW + DAY });
  let clock = NOW;
  let tries = 0;
  const reports: SubmissionResult[] = [];
  const heldQueue: number[] = [];
  const meet = (): void => {
    const error = meets(++tries);
    if (error) throw error;
  };
  const submit = createSubmit(
    stageParts({
      load: () => record,
      advance: async ({ event }) => {
        const decision = decide(record, event, clock, RULES);
        if ('ignored' in decision) return { kind: 'ignored', ...decision, generation: record };
        record = decision.next;
        return { kind: 'moved', generation: record };
      },
      provider: {
        prepare: async () => {
          if (step === 'prepare') meet();
          return { prepared: 'checked', done: true };
        },
        submit: async () => {
          if (step === 'submit') meet();
          return { task: { id: 'task-1' } };
        },
      },
      circuits: {
        ask: async () => ({ kind: 'closed', clean: true }),
        report: async (_model, _permit, result) => void reports.push(result),
      },
      holdQueue: async (ms) => void heldQueue.push(ms),
      now: () => clock,
    }),
  );
  const found = (): Generation => record;
  for (let now = found(); now.state === 'queued' && clock < NOW + DAY; now = found()) {
    clock = Math.max(clock, now.hold?.until ?? 0);
    await submit({ v: 1, id: now.id });
  }
  const end = found();
  const reason = 'reason' in end ? end.reason : undefined;
  return { state: end.state, reason, tries, tookMs: clock - NOW, reports, heldQueue };
}

describe.each(['prepare', 'submit'] as const)(
  'a picture refused while its host is asked in %s',
  (step) => {
    test('is tried again for about a quarter of an hour, and then ends with the host’s answer', async () => {
      const { state, reason, tries, tookMs } = await tried(step, () => refusedPicture());
      expect(state).toBe('failed');
      expect(reason).toEqual({
        code: 'image_unreadable',
        message: 'its host keeps answering 403',
      });
      expect(tries).toBe(11);
      expect(tookMs).toBeGreaterThan(minutes(12));
      expect(tookMs).toBeLessThan(minutes(16));
    });

    test('neither holds the provider’s queue nor counts for its circuit', async () => {
      const { reports, heldQueue } = await tried(step, () => refusedPicture());
      expect(heldQueue).toEqual([]);
      expect(new Set(reports)).toEqual(new Set(['ignored']));
    });

    test('is sent when the host has come round', async () => {
      const { state, tries } = await tried(step, (n) => (n < 11 ? refusedPicture() : undefined));
      expect([state, tries]).toEqual(['submitted', 11]);
    });

    test('waits longer where Retry-After says so, and no shorter', async () => {
      const short = await tried(step, () => refusedPicture(1_000));
      expect(short.tookMs).toBeGreaterThan(minutes(12));
      const long = await tried(step, () => refusedPicture(minutes(10)));
      expect(long).toMatchObject({ state: 'failed', tries: 11, tookMs: minutes(100) });
    });

    test('has its while also after other refusals', async () => {
      const { reason, tries, tookMs } = await tried(step, (n) =>
        n <= 20 ? new Retryable('rate_limited', '429', { retryAfterMs: 1_000 }) : refusedPicture(),
      );
      expect(reason?.code).toBe('image_unreadable');
      expect(tries).toBe(22);
      expect(tookMs).toBeGreaterThan(minutes(4.5));
    });
  },
);

test('a host that does not answer at all, which may be our own network, is waited for all day', async () => {
  const { state, tookMs } = await tried(
    'prepare',
    () => new Retryable('image_unavailable', 'An image’s host does not answer'),
  );
  expect(state).toBe('queued');
  expect(tookMs).toBeGreaterThanOrEqual(DAY);
});
