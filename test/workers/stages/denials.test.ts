import { expect, test } from 'vitest';
import { reasonOf } from '../../../src/generation/advice.ts';
import { Retryable } from '../../../src/generation/errors.ts';
import type { Generation } from '../../../src/generation/generation.ts';
import { reasonClass } from '../../../src/generation/reason-class.ts';
import { decide } from '../../../src/generation/state-machine.ts';
import type { LimitsInForce } from '../../../src/workers/limits/limits-in-force.ts';
import { createSubmit } from '../../../src/workers/stages/submit.ts';
import { minutes, NOW, newRecord, RULES } from '../../generation/fixtures.ts';
import { stageParts } from '../../support/stage-parts.ts';

const DAY = minutes(24 * 60);

/** One generation, its state machine and whatever its provider throws; each look when it is due. */
function setup(meets: (tries: number) => Error, standing?: LimitsInForce['standing']) {
  let record: Generation = newRecord({ deadlineAt: NOW + 2 * DAY });
  let clock = NOW;
  let tries = 0;
  const heldQueue: number[] = [];
  const parts = stageParts({
    load: () => record,
    advance: async ({ event }) => {
      const decision = decide(record, event, clock, RULES);
      if ('ignored' in decision) return { kind: 'ignored', ...decision, generation: record };
      record = decision.next;
      return { kind: 'moved', generation: record };
    },
    provider: {
      submit: async () => {
        throw meets(++tries);
      },
    },
    circuits: { ask: async () => ({ kind: 'closed', clean: true }), report: async () => undefined },
    holdQueue: async (ms) => void heldQueue.push(ms),
    now: () => clock,
  });
  const limits = { ...parts.limits, ...(standing && { standing }) };
  const submit = createSubmit({ ...parts, limits });
  const found = (): Generation => record;
  const look = async (): Promise<Generation> => {
    const now = found();
    if (now.state === 'queued') clock = Math.max(clock, now.hold?.until ?? 0);
    await submit({ v: 1, id: now.id });
    return found();
  };
  const lookUntilOver = async () => {
    while (found().state === 'queued' && clock < NOW + DAY) await look();
    const end = found();
    return { end, tries, tookMs: clock - NOW };
  };
  return { look, lookUntilOver, heldQueue, submit };
}

const refused = (code: 'unauthorized' | 'out_of_credit', retryAfterMs?: number) =>
  new Retryable(code, 'refused', { answered: true, retryAfterMs });

test.each([
  ['unauthorized', 60_000, null],
  ['out_of_credit', undefined, true],
] as const)(
  'a generation that its provider always refuses as %s ends with that reason, and not within two hours',
  async (code, retryAfterMs, mayHelp) => {
    const { lookUntilOver, heldQueue } = setup(() => refused(code, retryAfterMs));
    const { end, tries, tookMs } = await lookUntilOver();
    if (end.state !== 'failed') throw new Error(`it is ${end.state}`);
    expect(reasonOf(end)).toMatchObject({ code, retry: { mayHelp } });
    expect(reasonClass(end)).toBe('never_accepted');
    expect(tries).toBe(30);
    expect(tookMs).toBeGreaterThan(minutes(120));
    expect(heldQueue).toEqual([]);
  },
);

test('only refusals of the account count for that', async () => {
  const { lookUntilOver } = setup((tries) =>
    tries <= 40 ? new Retryable('unavailable', 'down') : refused('unauthorized'),
  );
  expect(await lookUntilOver()).toMatchObject({ end: { state: 'failed' }, tries: 70 });
});

test('a refusal that names a day holds its own generation for a day, and all others for a minute', async () => {
  const { look, heldQueue } = setup(
    () => new Retryable('rate_limited', 'later', { retryAfterMs: DAY }),
  );
  expect(await look()).toMatchObject({ hold: { reason: 'rate_limited', until: NOW + DAY } });
  expect(heldQueue).toEqual([60_000]);
});

test('while nothing is left to spend each waits in place, and looks again in its turn', async () => {
  const { look, heldQueue, submit } = setup(
    () => new Error('not sent'),
    () => 'out',
  );
  expect(await look()).toMatchObject({ hold: { reason: 'out_of_credit', until: NOW + 10_000 } });
  const { id } = await look();
  expect(await submit({ v: 1, id })).toEqual({ notBefore: NOW + 20_000 });
  expect(heldQueue).toEqual([]);
});
