import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { checkRedis } from '../../src/config/redis-check.ts';

/** A Redis of this test’s own, which it may set as it likes. */
async function ownRedis(): Promise<Redis> {
  const server = await startEmbeddedRedis();
  const redis = new Redis(server.url.replace(/^unix:\/\//, ''));
  onTestFinished(async () => {
    redis.disconnect();
    await server.stop();
  });
  return redis;
}

test('the embedded Redis has nothing to complain about', async () => {
  expect(await checkRedis(await ownRedis(), Date.now)).toEqual({ fatal: [], warnings: [] });
});

test('a Redis that may evict jobs is refused, with what to do about it', async () => {
  const redis = await ownRedis();
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const { fatal, warnings } = await checkRedis(redis, Date.now);
  expect(fatal).toHaveLength(1);
  expect(fatal[0]).toContain('maxmemory-policy allkeys-lru');
  expect(fatal[0]).toContain('config set maxmemory-policy noeviction');
  expect(warnings).toEqual([]);
});

test('a database that Redis does not have is refused, instead of the first being used', async () => {
  const redis = (await ownRedis()).duplicate({ db: 99 });
  // ioredis tells it, and goes on.
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  const { fatal } = await checkRedis(redis, Date.now);
  expect(fatal).toEqual([expect.stringMatching(/no database 99: .*REDIS_URL/)]);
});

test('a Redis without a limit of memory is warned about, with what to do', async () => {
  const redis = await ownRedis();
  await redis.config('SET', 'maxmemory', '0');
  const { fatal, warnings } = await checkRedis(redis, Date.now);
  expect(fatal).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('config set maxmemory')]);
});

test('a Redis without an append-only file is warned about', async () => {
  const redis = await ownRedis();
  await redis.config('SET', 'appendonly', 'no');
  const { fatal, warnings } = await checkRedis(redis, Date.now);
  expect(fatal).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('appendonly yes')]);
});

test('clocks that differ by more than a second are warned about', async () => {
  const redis = await ownRedis();
  const { warnings } = await checkRedis(redis, () => Date.now() + 60_000);
  expect(warnings).toEqual([expect.stringMatching(/clocks .* differ by (59|60)\d{3} ms/)]);
  expect((await checkRedis(redis, () => Date.now() + 500)).warnings).toEqual([]);
});
