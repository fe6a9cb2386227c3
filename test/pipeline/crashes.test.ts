import { describe, expect, test } from 'vitest';
import { type Processes, setupProcesses } from '../support/processes.ts';
import { until } from '../support/until.ts';

const COUNT = 40;
/** So spread that the middle cannot be missed, however busy the machine is. */
const LATENCY = { min: 500, max: 5_000 };
/** A killed worker's jobs are taken over after up to 20 s; nobody may give up in between. */
const PATIENCE = { webhookGraceMs: 6_000, giveUpAfterMs: 120_000 };
/** On a machine that is busy, an answer that takes seconds is not a lost one. */
const NO_LOST_ANSWERS = { SUBMIT_TIMEOUT_MS: '30000' };

/** Side by side: they wait more than they work. */
describe.concurrent('real processes', () => {
  test.for([
    { when: 'while it submits', isTime: (stack: Processes) => stack.payments().paid >= 5 },
    { when: 'while results come in', isTime: (stack: Processes) => stack.events.length >= 5 },
  ])(
    'a worker killed $when: another finishes everything, nothing is paid or notified twice',
    {
      timeout: 120_000,
    },
    async ({ isTime }, { onTestFinished }) => {
      const stack = await setupProcesses({
        onFinished: onTestFinished,
        latencyMs: LATENCY,
        patience: PATIENCE,
        // Long enough for a webhook that adopts what the dead worker had sent.
        env: { UNCONFIRMED_GRACE_MS: '20000' },
      });
      const first = await stack.startWorker();
      const ids = await stack.requestMany(COUNT);
      await until('it is in the middle', () => isTime(stack));
      await first.kill();
      expect(stack.events.length).toBeLessThan(COUNT);
      await stack.startWorker();
      await stack.untilTold(COUNT, 80_000);

      const notified = stack.events.map((event) => event.data.generationId as string);
      expect([...notified].sort()).toEqual([...ids].sort());
      const { paid, paidTwice } = stack.payments();
      expect(paidTwice).toBe(0);
      const completed = stack.events.filter(({ data }) => data.outcome === 'completed');
      const unknown = stack.events.filter(({ data }) => data.reason?.code === 'outcome_unknown');
      // Only what was about to leave at that moment, to a provider without keys, may be given up.
      expect(completed.length + unknown.length).toBe(COUNT);
      expect(unknown.every(({ data }) => data.provider === 'fashn')).toBe(true);
      expect(paid).toBeGreaterThanOrEqual(completed.length);
    },
  );

  test('a worker asked to stop in the middle exits 0 in time, and a second one finishes everything', async ({
    onTestFinished,
  }) => {
    const stack = await setupProcesses({
      onFinished: onTestFinished,
      latencyMs: LATENCY,
      patience: PATIENCE,
      env: { ...NO_LOST_ANSWERS, SHUTDOWN_MS: '10000' },
    });
    const first = await stack.startWorker();
    const ids = await stack.requestMany(COUNT);
    await stack.untilTold(5);
    const toldAt = Date.now();
    process.kill(first.pid, 'SIGTERM');
    expect(await first.ended).toBe(0);
    expect(Date.now() - toldAt).toBeLessThan(10_000);
    expect(stack.events.length).toBeLessThan(COUNT);

    await stack.startWorker();
    await stack.untilTold(COUNT);
    const outcomes = stack.events.map(({ data }) => data.reason?.code ?? data.outcome);
    expect(new Set(outcomes)).toEqual(new Set(['completed']));
    expect(stack.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
    expect(stack.payments()).toEqual({ paid: COUNT, paidTwice: 0 });
  }, 120_000);

  test('a web process killed right after it accepted: every accepted generation still finishes', async ({
    onTestFinished,
  }) => {
    const stack = await setupProcesses({
      onFinished: onTestFinished,
      latencyMs: LATENCY,
      patience: { ...PATIENCE, webhookGraceMs: 1_000 },
      env: NO_LOST_ANSWERS,
    });
    const ids = await stack.requestMany(COUNT);
    await stack.web.kill();
    await stack.startWorker();
    await stack.untilTold(COUNT);
    // No webhook can arrive any more: all were polled for.
    const outcomes = stack.events.map(({ data }) => data.reason?.code ?? data.outcome);
    expect(new Set(outcomes)).toEqual(new Set(['completed']));
    expect(stack.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
    expect(stack.payments()).toEqual({ paid: COUNT, paidTwice: 0 });
  }, 120_000);
});
