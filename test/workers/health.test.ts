import { expect, onTestFinished, test } from 'vitest';
import { startWorkerHealth } from '../../src/workers/health.ts';
import { connectTestRedis } from '../support/redis.ts';

async function setup(tickAgeMs: number | undefined) {
  const { redis, close } = connectTestRedis();
  onTestFinished(close);
  const now = 1_000_000;
  const tick =
    tickAgeMs === undefined
      ? undefined
      : { lastSeenAt: () => now - tickAgeMs, stop: () => undefined };
  const health = await startWorkerHealth(
    { host: '127.0.0.1', port: 0 },
    { tick, redis },
    () => now,
  );
  onTestFinished(health.stop);
  const status = async (path: string) => (await fetch(health.url + path)).status;
  return { redis, status };
}

test('a worker whose tick has run lately is alive', async () => {
  const { status } = await setup(5_000);
  expect(await status('/livez')).toBe(200);
});

test('a worker whose tick has not run for a minute is wedged', async () => {
  const { status } = await setup(61_000);
  expect(await status('/livez')).toBe(503);
});

test('a worker without the poll role has no tick to judge by', async () => {
  const { status } = await setup(undefined);
  expect(await status('/livez')).toBe(200);
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
