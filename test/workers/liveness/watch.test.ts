import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startWorkerHealth } from '../../../src/workers/liveness/health.ts';
import { createLatch } from '../../support/latch.ts';
import { connectTestRedis } from '../../support/redis.ts';
import { type RedisProxy, startRedisProxy } from '../../support/redis-proxy.ts';
import { until } from '../../support/until.ts';
import { startWatchedWorker } from '../../support/watched-worker.ts';

type Stage = Parameters<typeof startWatchedWorker>[1];

interface Options extends Stage {
  /** Runs before the worker starts. */
  readonly before?: (world: { queue: Queue; proxy: RedisProxy; prefix: string }) => unknown;
}

/** One worker of ours behind an address of its own, with the watch and `/livez` of its process. */
async function setup({ before, ...stage }: Options = {}) {
  const { redis, keys, close } = connectTestRedis(undefined, { maxRetriesPerRequest: null });
  const proxy = await startRedisProxy();
  const queue = new Queue('stage', { connection: redis, prefix: keys.prefix });
  const connection = new Redis(proxy.url, { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  await connection.ping();
  await before?.({ queue, proxy, prefix: keys.prefix });
  const watched = startWatchedWorker({ connection, prefix: keys.prefix }, stage);
  const { clock, watch, end, taken } = watched;
  const health = await startWorkerHealth(
    { host: '127.0.0.1', port: 0 },
    { watch, redis: connection },
  );
  onTestFinished(async () => {
    await health.stop();
    await watched.stop(500);
    connection.disconnect();
    await proxy.close();
    await queue.close();
    await close();
  });

  /** A minute and a half of checks. */
  const aWhile = async (): Promise<void> => {
    for (let checks = 0; checks < 7; checks++) {
      await watch.check();
      clock.now += 15_000;
    }
  };
  return {
    ...{ queue, proxy, clock, watch, connection, end, taken, aWhile },
    add: (options = {}) => queue.add('stage', { v: 1 }, { removeOnComplete: true, ...options }),
    livez: async () => (await fetch(`${health.url}/livez`)).status,
  };
}

/** A worker whose fetching does not reach Redis until `silent` is released. */
async function setupSilent() {
  const held: ReturnType<RedisProxy['holdFrom']>[] = [];
  const world = await setup({ before: ({ proxy }) => held.push(proxy.holdFrom('bzpopmin')) });
  const [silent] = held;
  if (!silent) throw new Error('nothing is held');
  await silent.reached;
  return { ...world, silent };
}

test('a worker that silently stopped fetching is wedged after a minute, and alive once it takes jobs', async () => {
  const { silent, add, aWhile, livez, watch, clock, taken } = await setupSilent();
  await add();
  await watch.check();
  clock.now += 59_000;
  await watch.check();
  expect(await livez()).toBe(200);
  clock.now += 1_000;
  expect(await livez()).toBe(503);
  await aWhile();
  expect(await livez()).toBe(503);
  silent.release();
  await until('it takes the job', () => taken() === 1);
  expect(await livez()).toBe(200);
  await aWhile();
  expect(await livez()).toBe(200);
});

test('delayed jobs whose time has come count as waiting, others do not', async () => {
  const { add, aWhile, livez, queue } = await setupSilent();
  await add({ delay: 3_600_000 });
  await aWhile();
  expect(await livez()).toBe(200);
  await add({ delay: 1 });
  await until('its time has come', () => queue.getDelayedCount(Date.now()));
  await aWhile();
  expect(await livez()).toBe(503);
});

test('a job that takes longer than its stage can is a wedge until it ends', async () => {
  const { add, clock, livez, taken, end, queue } = await setup({
    endless: true,
    longestMs: 90_000,
  });
  await add();
  await until('it is under way', () => taken() === 1);
  clock.now += 90_000;
  expect(await livez()).toBe(200);
  clock.now += 1;
  expect(await livez()).toBe(503);
  end.open();
  await until('it ended', async () => (await queue.getActiveCount()) === 0);
  expect(await livez()).toBe(200);
});

test('a handler of an app may take as long as it likes, also with jobs waiting behind it', async () => {
  const { add, aWhile, livez, taken } = await setup({ endless: true, concurrency: 1 });
  await add();
  await add();
  await until('the first is under way', () => taken() === 1);
  await aWhile();
  expect(await livez()).toBe(200);
});

test('a backlog behind a rate limit is no wedge', async () => {
  const { add, aWhile, livez, taken } = await setup({ limiter: { max: 1, duration: 600_000 } });
  for (let jobs = 0; jobs < 3; jobs++) await add();
  await until('the first is done', () => taken() === 1);
  await aWhile();
  expect(await livez()).toBe(200);
  expect(taken()).toBe(1);
});

test('a queue that is on hold for its provider is no wedge', async () => {
  const { add, aWhile, livez, taken } = await setup({
    limiter: { max: 100, duration: 1_000 },
    before: ({ queue }) => queue.rateLimit(600_000),
  });
  await add();
  await aWhile();
  expect(await livez()).toBe(200);
  expect(taken()).toBe(0);
});

test('a paused queue is no wedge', async () => {
  const { add, aWhile, livez, taken } = await setup({ before: ({ queue }) => queue.pause() });
  await add();
  await aWhile();
  expect(await livez()).toBe(200);
  expect(taken()).toBe(0);
});

test('a queue whose places are all taken elsewhere is no wedge', async () => {
  const { add, aWhile, livez, taken } = await setup({
    before: async ({ queue, prefix }) => {
      const { redis, close } = connectTestRedis(undefined, { maxRetriesPerRequest: null });
      const end = createLatch();
      const begun = createLatch();
      await queue.setGlobalConcurrency(1);
      const process = async (): Promise<void> => {
        begun.open();
        await end.opened;
      };
      const elsewhere = new Worker('stage', process, { connection: redis, prefix });
      onTestFinished(async () => {
        end.open();
        await elsewhere.close();
        await close();
      });
      await queue.add('stage', { v: 1 });
      await begun.opened;
    },
  });
  await add();
  await aWhile();
  expect(await livez()).toBe(200);
  expect(taken()).toBe(0);
});

test('an idle worker, and one whose Redis is away, are no wedge', async () => {
  const { add, aWhile, livez, proxy, connection, clock } = await setup();
  await aWhile();
  expect(await livez()).toBe(200);
  await proxy.cut();
  await until('it notices', () => connection.status !== 'ready');
  await add();
  await aWhile();
  expect(await livez()).toBe(200);
  await proxy.mend();
  await until('Redis is back', () => connection.status === 'ready');
  clock.now += 1;
  expect(await livez()).toBe(200);
});
