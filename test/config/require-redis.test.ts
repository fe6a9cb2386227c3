import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/config/log.ts';
import { producerConnection } from '../../src/config/redis.ts';
import { CannotStart, requireRedis, UnfitRedis } from '../../src/config/start-up.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { until } from '../support/until.ts';

const log = createLogger('silent');

/** Connected to a Redis that answers nothing any more, as when either of the two stands still. */
async function setup() {
  const proxy = await startRedisProxy();
  const redis = new Redis(proxy.url, { ...producerConnection, commandTimeout: 50 });
  redis.on('error', () => {});
  onTestFinished(async () => {
    redis.disconnect();
    await proxy.close();
  });
  // Not by its event: on a busy machine its first look may time out, and it looks again.
  await until('Redis is ready', () => redis.status === 'ready');
  proxy.freeze();
  return { proxy, redis };
}

test('a Redis that stands still during its first look is looked at again, not mistrusted', async () => {
  const { proxy, redis } = await setup();
  let isOver = false;
  const required = requireRedis(redis, log).finally(() => {
    isOver = true;
  });
  await expect(redis.ping()).rejects.toThrow('Command timed out');
  await expect(redis.ping()).rejects.toThrow('Command timed out');
  expect(isOver).toBe(false);
  await proxy.cut();
  await proxy.mend();
  await required;
});

test('when patience is over, a Redis that stands still cannot be used, and is not called unfit', async () => {
  const { redis } = await setup();
  const error = await requireRedis(redis, log, 100).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(CannotStart);
  expect(error).not.toBeInstanceOf(UnfitRedis);
  expect(error).toMatchObject({ message: expect.stringContaining('check REDIS_URL') });
});
