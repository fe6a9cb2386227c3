import { once } from 'node:events';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startWorkerHealth } from '../../../src/workers/liveness/health.ts';
import { startWatch } from '../../../src/workers/liveness/watch.ts';
import { connectTestRedis } from '../../support/redis.ts';

async function setup(tickAgeMs: number) {
  const { redis, close } = connectTestRedis();
  onTestFinished(close);
  await redis.ping();
  const clock = { now: 1_000_000 };
  const lastSeenAt = clock.now - tickAgeMs;
  const log = pino({ level: 'silent' });
  const tick = { lastSeenAt: () => lastSeenAt };
  const watch = startWatch({
    tick,
    redis,
    workers: [],
    writeCheckKey: 'write-check',
    log,
    now: () => clock.now,
  });
  onTestFinished(watch.stop);
  const health = await startWorkerHealth({ host: '127.0.0.1', port: 0 }, { watch, redis });
  onTestFinished(health.stop);
  const status = async (path: string) => (await fetch(health.url + path)).status;
  return { redis, status, clock };
}

test('a worker whose tick was answered lately is alive', async () => {
  const { status } = await setup(5_000);
  expect(await status('/livez')).toBe(200);
});

test('a worker that reaches Redis, and whose tick was not answered for a minute, is wedged', async () => {
  const { status } = await setup(61_000);
  expect(await status('/livez')).toBe(503);
});

test('an outage of Redis is no reason to restart a worker, and its length is not held against it', async () => {
  const { status, redis, clock } = await setup(61_000);
  const ended = once(redis, 'end');
  redis.disconnect();
  await ended;
  expect(await status('/livez')).toBe(200);
  await redis.connect();
  expect(await status('/livez')).toBe(200);
  clock.now += 60_000;
  expect(await status('/livez')).toBe(503);
});

test('a worker is ready while Redis answers', async () => {
  const { status, redis } = await setup(0);
  expect(await status('/readyz')).toBe(200);
  redis.disconnect();
  expect(await status('/readyz')).toBe(503);
  await redis.connect();
});

test('other paths are not found', async () => {
  const { status } = await setup(0);
  expect(await status('/')).toBe(404);
  expect(await status('/metrics')).toBe(404);
});
