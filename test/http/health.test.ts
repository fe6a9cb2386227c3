import express from 'express';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { producerConnection } from '../../src/config/redis.ts';
import { healthRoutes } from '../../src/http/routes/health.ts';
import { startProgram } from '../support/programs.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { expectSilentAtStandstill } from '../support/standstill.ts';
import { until } from '../support/until.ts';
import { serveApp } from './serve-app.ts';
import { redisUrl, SECRET } from './setup.ts';

async function setup() {
  const proxy = await startRedisProxy();
  const redis = new Redis(proxy.url, { ...producerConnection, commandTimeout: 50 });
  redis.on('error', () => {});
  // Not by its event: on a busy machine its first check may time out, and it checks again.
  await until('Redis is ready', () => redis.status === 'ready');
  const clock = { now: 1_000_000 };
  const port = await serveApp(express().use(healthRoutes(redis, () => clock.now)));
  onTestFinished(async () => {
    redis.disconnect();
    await proxy.close();
  });
  const livez = async () => (await fetch(`http://127.0.0.1:${port}/livez`)).status;
  return { proxy, redis, clock, livez };
}

test('a web process whose connection to Redis has been silent for a minute is not alive, until it is connected anew', async () => {
  const { proxy, redis, clock, livez } = await setup();
  expect(await livez()).toBe(200);
  proxy.freeze();
  await until('it is given up, a minute after a check was not answered', async () => {
    clock.now += 10_000;
    return (await livez()) === 503;
  });
  expect(clock.now).toBeGreaterThanOrEqual(1_000_000 + 60_000);
  await proxy.cut();
  await until('it is an outage like any other', async () => (await livez()) === 200);
  await proxy.mend();
  await until('Redis is back', () => redis.status === 'ready');
  clock.now += 60_000;
  expect(await livez()).toBe(200);
});

test('a web process is alive for as long as Redis is away', async () => {
  const { proxy, redis, clock, livez } = await setup();
  await proxy.cut();
  await until('it notices', () => redis.status !== 'ready');
  for (let minutes = 0; minutes < 3; minutes++) {
    expect(await livez()).toBe(200);
    clock.now += 60_000;
  }
});

test('a web process that stands still does not answer /livez at all', {
  // On a busy machine it takes half a minute to start.
  timeout: 90_000,
}, async () => {
  const child = startProgram('src/http/main', {
    env: {
      REDIS_URL: redisUrl(),
      PORT: '0',
      CATWALK_SECRET: SECRET,
      API_KEYS: 'shop:the-api-key-of-the-shop',
      FASHN_API_KEY: 'key-of-fashn',
    },
  });
  const [, url] = await child.line(/"url":"(http:[^"]+)","msg":"web process started"/);
  await expectSilentAtStandstill(child.pid, url ?? '');
});
