import { describe, expect, type TestContext, test } from 'vitest';
import type { Child } from '../../rig/start-process.ts';
import { startCallbackReceiver } from '../support/callback-receiver.ts';
import { type Gate, startGate } from '../support/gate.ts';
import {
  API_KEY,
  type Asked,
  PROVIDERS,
  requestBody,
  SECRET,
  signedDelivery,
  TENANT,
} from '../support/pipeline.ts';
import { type Processes, type ProcessesOptions, setupProcesses } from '../support/processes.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { startSlowRequest } from '../support/slow-request.ts';
import { until } from '../support/until.ts';

/** As it is unless it is set: the time a deploy gives a process. */
const SHUTDOWN_MS = 10_000;
/** Longer than that, as they are unless they are set. */
const REAL_TIMES = {
  SHUTDOWN_MS: String(SHUTDOWN_MS),
  SUBMIT_TIMEOUT_MS: '30000',
  POLL_TIMEOUT_MS: '20000',
  LEASE_MS: '21000',
};
const FOR_ONE = { timeout: 120_000 };
const SUBMISSIONS = /^POST \/(fashn\/v1\/run|fitinview\/api\/v1\/tryon)/;
const CHECKS = /^GET \/(fashn\/v1\/status|fitinview\/api\/v1\/jobs)/;

type Options = Pick<ProcessesOptions, 'patience' | 'env' | 'latencyMs'>;

/** An installation whose calls to providers, and whose first worker's Redis, can be held. */
async function setup({ onTestFinished }: TestContext, options: Options = {}) {
  let gate: Gate | undefined;
  const stack = await setupProcesses({
    ...options,
    env: { ...REAL_TIMES, ...options.env },
    through: async (simulatorUrl) => {
      gate = await startGate(simulatorUrl);
      onTestFinished(gate.close);
      return gate.url;
    },
    onFinished: onTestFinished,
  });
  if (!gate) throw new Error('no gate');
  const proxy = await startRedisProxy();
  onTestFinished(() => proxy.close());
  const first = await stack.startWorker({ REDIS_URL: proxy.url });

  /** One from each provider: one that has keys, and one that has not. */
  const requestBoth = (asked: Asked = {}): Promise<string[]> =>
    Promise.all(PROVIDERS.map((provider) => stack.request(provider, asked)));
  const records = (ids: readonly string[]) => stack.redis.mget(ids.map(stack.keys.record));
  const untilBothAre = (state: string, ids: readonly string[]) =>
    until(`both are ${state}`, async () => {
      const found = await records(ids);
      return found.every((record) => record?.includes(`"state":"${state}"`));
    });
  return { ...stack, gate, proxy, first, requestBoth, records, untilBothAre };
}

/** SIGTERM; `meanwhile` runs as soon as it is heeded. Exits 0 in time, or the test fails. */
async function stops(child: Child, meanwhile: () => unknown = () => undefined): Promise<void> {
  const toldAt = performance.now();
  process.kill(child.pid, 'SIGTERM');
  await child.line(/"msg":"(worker|web process) stopping"/);
  await meanwhile();
  expect(await child.ended).toBe(0);
  expect(performance.now() - toldAt).toBeLessThan(SHUTDOWN_MS);
}

/** Both are told exactly once, as completed, and were paid for exactly once. */
async function bothEndWell(stack: Pick<Processes, 'untilTold' | 'events' | 'payments'>) {
  await stack.untilTold(2, 60_000);
  const outcomes = stack.events.map(({ data }) => data.reason?.code ?? data.outcome);
  expect(outcomes).toEqual(['completed', 'completed']);
  expect(new Set(stack.events.map(({ data }) => data.provider)).size).toBe(2);
  expect(stack.payments()).toEqual({ paid: 2, paidTwice: 0 });
}

/** Side by side: they wait more than they work. */
describe.concurrent('a worker told to stop', () => {
  test.for([
    { step: 'before the intent is recorded', text: '"submitting"' },
    { step: 'with the answer in hand', text: '"submitted"' },
    { step: 'with the outcome in hand', text: '"completed"' },
  ])('$step: saves it, and what is left is done by another', FOR_ONE, async ({ text }, context) => {
    const stack = await setup(context);
    const held = stack.proxy.holdFrom(text);
    await stack.requestBoth();
    await held.reached;
    await stops(stack.first, held.release);
    await stack.startWorker();
    await bothEndWell(stack);
  });

  test(
    'while Redis stands still, with a job in hand: exits in time, and another does it',
    FOR_ONE,
    async (context) => {
      const stack = await setup(context);
      const held = stack.proxy.holdFrom('"submitting"');
      await stack.requestBoth();
      await held.reached;
      await stops(stack.first);
      await stack.startWorker();
      await bothEndWell(stack);
    },
  );

  test(
    'while submissions are under way: waits for their answers and saves them',
    FOR_ONE,
    async (context) => {
      const stack = await setup(context, { patience: { webhookGraceMs: 3_000 } });
      const held = stack.gate.hold(SUBMISSIONS, 'answer');
      const ids = await stack.requestBoth({ scenario: 'no-webhook' });
      await held.reached;
      await until('both are paid', () => stack.payments().paid === 2);
      await stops(stack.first, held.release);
      await stack.untilBothAre('submitted', ids);
      await stack.startWorker();
      await bothEndWell(stack);
    },
  );

  test(
    'while submissions take longer than the stop: records them as unknown, and none is paid twice',
    FOR_ONE,
    async (context) => {
      const stack = await setup(context, {
        // Their webhooks come only after the first worker has gone.
        latencyMs: { min: 15_000, max: 15_000 },
        env: { UNCONFIRMED_GRACE_MS: '60000' },
      });
      const held = stack.gate.hold(SUBMISSIONS, 'answer');
      const ids = await stack.requestBoth();
      await until('both are paid', () => stack.payments().paid === 2);
      await stops(stack.first);
      await stack.untilBothAre('unconfirmed', ids);
      held.release();
      await stack.startWorker();
      await bothEndWell(stack);
    },
  );

  test('between polls: goes at once, and another polls', FOR_ONE, async (context) => {
    const stack = await setup(context, { patience: { webhookGraceMs: 5_000 } });
    const ids = await stack.requestBoth({ scenario: 'no-webhook' });
    await stack.untilBothAre('submitted', ids);
    await stops(stack.first);
    expect(stack.events).toEqual([]);
    await stack.startWorker();
    await bothEndWell(stack);
  });

  test.for([
    { how: 'are answered in time', answered: true },
    { how: 'take longer than the stop', answered: false },
  ])(
    'while polls are under way that $how: nothing is lost',
    FOR_ONE,
    async ({ answered }, context) => {
      const stack = await setup(context, { patience: { webhookGraceMs: 300 } });
      const held = stack.gate.hold(CHECKS, 'answer');
      await stack.requestBoth({ scenario: 'no-webhook' });
      await held.reached;
      await stops(stack.first, () => answered && held.release());
      held.release();
      await stack.startWorker();
      await bothEndWell(stack);
    },
  );

  test(
    'while a callback is under way that is not answered: hands it back, and spends no attempt',
    FOR_ONE,
    async (context) => {
      const stack = await setup(context, { env: { CALLBACK_FAST_TIMEOUT_MS: '15000' } });
      const receiver = await startCallbackReceiver(SECRET, TENANT);
      context.onTestFinished(receiver.close);
      const { origin, pathname } = new URL(receiver.url);
      const gate = await startGate(origin);
      context.onTestFinished(gate.close);
      const held = gate.hold(/^POST/, 'answer');
      await stack.requestBoth({ callbackUrl: gate.url + pathname });
      await until('both callbacks are under way', () => receiver.received.length === 2);
      await stops(stack.first);
      const waiting = await stack.jobs('subscriber-callback', 'delayed');
      expect(waiting.map(({ attemptsMade }) => attemptsMade)).toEqual([0, 0]);
      held.release();
      await stack.startWorker();
      await until('both were called again', () => receiver.received.length === 4);
      expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(2);
      await bothEndWell(stack);
    },
  );
});

describe.concurrent('a web process told to stop', () => {
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };

  test(
    'while requests are under way: they are accepted, and end well',
    FOR_ONE,
    async (context) => {
      const stack = await setup(context, { patience: { webhookGraceMs: 500 } });
      const slow = await Promise.all(
        PROVIDERS.map((provider) => {
          const asked = requestBody(stack.simulator.url, provider);
          const sent = { headers, body: JSON.stringify(asked) };
          return startSlowRequest(`${stack.url}/v1/generations`, sent);
        }),
      );
      await stops(stack.web, async () => {
        const statuses = await Promise.all(slow.map((request) => request.finish()));
        expect(statuses).toEqual([202, 202]);
      });
      await bothEndWell(stack);
    },
  );

  test('while webhooks are under way: they are taken, and end well', FOR_ONE, async (context) => {
    const stack = await setup(context);
    await stack.requestBoth({ scenario: 'no-webhook' });
    const slow = await Promise.all(
      PROVIDERS.map(async (provider) => {
        const entry = await until('the task is done', () => {
          const [accepted] = stack.simulator.ledger()[provider]?.accepted ?? [];
          return accepted?.doneAtMs ? accepted : undefined;
        });
        const url = 'https://x.test/result.png';
        const message = { id: entry.taskId, status: 'completed', result_url: url, output: [url] };
        return startSlowRequest(entry.webhookUrl ?? '', signedDelivery(provider, message));
      }),
    );
    await stops(stack.web, async () => {
      const statuses = await Promise.all(slow.map((request) => request.finish()));
      expect(statuses).toEqual([200, 200]);
    });
    await bothEndWell(stack);
  });

  test(
    'while an app never finishes sending: exits in time without an answer to it',
    FOR_ONE,
    async (context) => {
      const stack = await setup(context);
      const body = JSON.stringify(requestBody(stack.simulator.url, 'fashn'));
      const slow = await startSlowRequest(`${stack.url}/v1/generations`, { headers, body });
      await stops(stack.web);
      await slow.cutOff;
      expect(stack.payments()).toEqual({ paid: 0, paidTwice: 0 });
    },
  );
});
