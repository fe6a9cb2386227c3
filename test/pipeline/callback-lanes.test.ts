import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { callbackEvents } from '../support/callback-events.ts';
import { startCallbackReceiver } from '../support/callback-receiver.ts';
import { createLatch } from '../support/latch.ts';
import { loopbackServer } from '../support/loopback-server.ts';
import { type Env, SECRET, setupPipeline, TENANT } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const FAST = queueNames.subscriber('callback');
const SLOW = queueNames.subscriber('callback-slow');
const QUIET = 'quiet-shop';

async function setup(env: Env = {}) {
  const pipeline = await setupPipeline({ env });
  const owe = callbackEvents(pipeline);
  /** An endpoint that answers as `reply` does, and counts what it was asked. */
  async function endpoint(reply: (response: ServerResponse, event: string) => void) {
    const seen = { events: [] as string[] };
    const server = await loopbackServer(({ headers }, _request, response) => {
      const event = String(headers['webhook-id']);
      seen.events.push(event);
      reply(response, event);
    });
    onTestFinished(server.close);
    return { url: `${server.url}/hook`, origin: server.url, seen };
  }
  const jobsIn = (queue: string) =>
    pipeline.queue(queue).getJobCounts('completed', 'failed', 'delayed', 'waiting', 'active');
  const listed = async () => {
    const response = await pipeline.call('GET', '/v1/callbacks');
    return ((await response.json()) as { endpoints: Record<string, unknown>[] }).endpoints;
  };
  return { pipeline, owe, endpoint, jobsIn, listed };
}

const never = (): void => undefined;
const fine = (response: ServerResponse): void => void response.end();

test('callbacks that are never answered make nobody else wait', async () => {
  const { pipeline, owe, endpoint } = await setup();
  const tarpits = await Promise.all(Array.from({ length: 20 }, () => endpoint(never)));
  const receiver = await startCallbackReceiver(SECRET, QUIET);
  onTestFinished(receiver.close);
  /** One after the other, and how long each took at most (ms). */
  async function slowestOf(count: number): Promise<number> {
    let slowest = 0;
    for (let i = 0; i < count; i++) {
      const known = receiver.received.length;
      const owedAt = performance.now();
      await owe(QUIET, receiver.url);
      await until('it is delivered', () => receiver.received.length > known);
      slowest = Math.max(slowest, performance.now() - owedAt);
    }
    return slowest;
  }
  await slowestOf(5);
  await Promise.all(tarpits.map((tarpit, i) => owe(`noisy-${i % 4}`, tarpit.url, 10)));
  await until('tarpits hold callbacks', () => tarpits.some(({ seen }) => seen.events.length > 0));
  expect(await slowestOf(30)).toBeLessThan(3_000);
  expect(receiver.received.every(({ event }) => event?.data.tenant === QUIET)).toBe(true);
  expect(pipeline.lines.filter(({ level }) => level === 50)).toEqual([]);
});

test('a tenant has no more callbacks under way than its places, nor a host, in all processes together', async () => {
  const { pipeline, owe, endpoint } = await setup({
    CALLBACKS_PER_HOST: '2',
    CALLBACKS_PER_TENANT: '3',
  });
  await pipeline.startWorkers();
  const counter = () => ({ now: 0, most: 0 });
  const count = (of: ReturnType<typeof counter>, by: 1 | -1): void => {
    of.now += by;
    of.most = Math.max(of.most, of.now);
  };
  const [together, ...each] = [counter(), counter(), counter()];
  // None is answered before all places are taken once.
  const full = createLatch();
  const startHost = (own: ReturnType<typeof counter>) =>
    endpoint(async (response) => {
      for (const of of [own, together]) count(of, 1);
      if (together.now === 3) full.open();
      await full.opened;
      setTimeout(() => {
        for (const of of [own, together]) count(of, -1);
        response.end();
      }, 20);
    });
  const hosts = await Promise.all(each.map(startHost));
  await Promise.all(hosts.map(({ url }) => owe(TENANT, url, 30)));
  await until('all are delivered', () => hosts.every(({ seen }) => seen.events.length >= 30));
  expect(hosts.map(({ seen }) => new Set(seen.events).size)).toEqual([30, 30]);
  expect(hosts.map(({ seen }) => seen.events.length)).toEqual([30, 30]);
  expect(Math.max(...each.map(({ most }) => most))).toBe(2);
  expect(together.most).toBe(3);
});

test('what is not answered in the fast lane’s time comes again in the slow one, which waits', async () => {
  const { pipeline, owe, endpoint, jobsIn } = await setup({ CALLBACK_FAST_TIMEOUT_MS: '300' });
  const { url, seen } = await endpoint((response) => setTimeout(() => response.end(), 700));
  const [id] = await owe(TENANT, url);
  await until('it is delivered', async () => (await jobsIn(SLOW))['completed'] === 1);
  expect(seen.events).toEqual([id, id]);
  expect(await jobsIn(FAST)).toMatchObject({ completed: 1, failed: 0, delayed: 0 });
  const [job] = await pipeline.queue(SLOW).getCompleted();
  expect(job?.data.moved).toEqual({ times: 1, tries: 0, stays: true });
  expect(job?.opts.attempts).toBe(12);
});

test('an endpoint that fails takes the slow lane, and the fast one again when it is back', async () => {
  const { pipeline, owe, endpoint, jobsIn, listed } = await setup({ CALLBACK_FAILURES: '3' });
  let isUp = false;
  const { url, origin, seen } = await endpoint((response) =>
    response.writeHead(isUp ? 204 : 500).end(),
  );
  await owe(TENANT, url, 3);
  await until('it is in trouble', async () => (await listed()).length === 1);
  expect(await listed()).toMatchObject([
    { endpoint: origin, state: 'failing', lastFailure: { code: 'http_500' }, waiting: 3 },
  ]);
  const [first] = await owe(TENANT, url);
  await until('all wait in the slow lane, the new one without a try in the fast one', async () => {
    const delayed = await pipeline.queue(SLOW).getDelayed();
    const newOne = delayed.find(({ data }) => data.event.id === first);
    return delayed.length === 4 && newOne?.data.moved.tries === 0;
  });
  isUp = true;
  await until('all are delivered', async () => {
    const counts = [await jobsIn(FAST), await jobsIn(SLOW)];
    return counts.every((one) => one['delayed'] === 0 && one['active'] === 0);
  });
  expect(await listed()).toEqual([]);
  // The one that found it well has opened the way back for the others.
  const back = (await pipeline.queue(FAST).getCompleted()).filter((job) => job.data.moved);
  expect(back.map(({ data }) => data.moved.times)).toEqual([2, 2, 2]);
  const inSlowLane = (await jobsIn(SLOW))['completed'];
  const [last] = await owe(TENANT, url);
  await until('the next is delivered', () => seen.events.at(-1) === last);
  expect((await jobsIn(SLOW))['completed']).toBe(inSlowLane);
  const said = pipeline.lines.filter(({ msg }) => msg.startsWith('callback endpoint'));
  expect(said.map(({ level }) => level)).toEqual([40, 30]);
});

test('an endpoint that only failed for too long is disabled: one alarm, dead letters at once, and lifted by its tenant', async () => {
  const { pipeline, owe, endpoint, jobsIn, listed } = await setup({
    CALLBACK_FAILURES: '2',
    CALLBACK_DISABLE_AFTER_MS: '1000',
  });
  let isUp = false;
  const { url, origin, seen } = await endpoint((response) =>
    response.writeHead(isUp ? 204 : 503).end(),
  );
  await owe(TENANT, url, 2);
  await until('it is in trouble', async () => (await listed()).length === 1);
  await until('it is disabled', async () => (await listed())[0]?.['state'] === 'disabled');
  const called = seen.events.length;
  await owe(TENANT, url, 3);
  await until('all are dead letters', async () => {
    for (const job of await pipeline.queue(SLOW).getDelayed()) await job.promote();
    const counts = [await jobsIn(FAST), await jobsIn(SLOW)];
    return counts.reduce((sum, one) => sum + (one['failed'] ?? 0), 0) === 5;
  });
  expect(seen.events).toHaveLength(called);
  const dead = [FAST, SLOW].map((name) => pipeline.queue(name).getFailed());
  for (const job of (await Promise.all(dead)).flat()) {
    expect(job.failedReason).toMatch(/^callback_disabled: .*POST \/v1\/callbacks\/enable/);
  }
  const alarms = pipeline.lines.filter(({ level }) => level === 50);
  expect(alarms).toMatchObject([{ tenant: TENANT, endpoint: origin, reason: 'http_503' }]);

  isUp = true;
  const enabled = await pipeline.call('POST', '/v1/callbacks/enable', {
    body: { endpoint: origin },
  });
  expect(enabled.status).toBe(204);
  for (const jobs of await Promise.all(
    [FAST, SLOW].map((name) => pipeline.queue(name).getFailed()),
  )) {
    for (const job of jobs) await job.retry();
  }
  await until('all are delivered', () => new Set(seen.events.slice(called)).size === 5);
  expect(await listed()).toEqual([]);
});

test('a job of an earlier release is delivered as it is', async () => {
  const { pipeline, owe, endpoint, jobsIn } = await setup();
  const { url, seen } = await endpoint(fine);
  const [id] = await owe(TENANT, url);
  await until('it is delivered', async () => (await jobsIn(FAST))['completed'] === 1);
  expect(seen.events).toEqual([id]);
  const [job] = await pipeline.queue(FAST).getCompleted();
  expect(job?.data).not.toHaveProperty('moved');
});
