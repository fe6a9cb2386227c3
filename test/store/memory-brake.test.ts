import { expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from '../../src/config/log.ts';
import { NoRoom } from '../../src/generation/errors.ts';
import { createMemoryBrake, memoryUse } from '../../src/store/memory-brake.ts';
import { setupStoreOnOwnRedis } from '../support/store.ts';

const MB = 1024 ** 2;
const FILL = `for i = 1, ARGV[1] do redis.call('SET', 'filler' .. i, string.rep('x', 1048576)) end`;
const PROVIDERS = new Map([
  ['fashn', {}],
  ['fal', {}],
]);
const FIRST = { tenant: 'shop', onceKey: undefined };

/** A Redis of 20 MB that uses about as much as is asked for. */
async function setup(share = 0.5) {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { own, redis, keys } = await setupStoreOnOwnRedis();
  await own.admin.config('SET', 'maxmemory', String(20 * MB));
  const log = createLogger('silent');
  const brake = createMemoryBrake({ redis, keys, providers: PROVIDERS, share, log });
  return {
    ...{ brake, redis, keys },
    /** Made there: what is sent takes its place in a buffer too. */
    fill: (megabytes: number) => own.admin.eval(FILL, 0, megabytes),
    empty: () => own.admin.flushdb(),
    looks: async () => {
      const stats = await own.admin.info('commandstats');
      return Number(/cmdstat_info[^:]*:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    },
    later: () => vi.advanceTimersByTime(1_001),
  };
}

test('above the share what is new is refused with its own code, and taken again below', async () => {
  const { brake, fill, empty, later } = await setup();
  await brake.admit(FIRST);
  await fill(11);
  later();
  const refused = await brake.admit(FIRST).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(NoRoom);
  expect(refused).toMatchObject({ code: 'redis_memory_full', retryAfterMs: 15_000 });
  await empty();
  later();
  await brake.admit(FIRST);
});

test('a repeat of what was accepted passes, and another’s key does not help', async () => {
  const { brake, redis, keys, fill } = await setup();
  await redis.set(keys.idempotency('shop', 'known'), 'g_1 print');
  await fill(11);
  await brake.admit({ tenant: 'shop', onceKey: 'known' });
  await expect(brake.admit({ tenant: 'shop', onceKey: 'new' })).rejects.toThrow(NoRoom);
  await expect(brake.admit({ tenant: 'other', onceKey: 'known' })).rejects.toThrow(NoRoom);
});

test('Redis is asked once a second, however many requests come', async () => {
  const { brake, looks, later } = await setup();
  const ask = () => Promise.all(Array.from({ length: 200 }, () => brake.admit(FIRST)));
  const before = await looks();
  await ask();
  await ask();
  expect((await looks()) - before - 1).toBe(1);
  later();
  await ask();
  expect((await looks()) - before - 2).toBe(2);
});

test('while what is accepted would fill the rest, what is new is refused though little is used', async () => {
  const { brake, redis, keys, later } = await setup(0.9);
  const entries = Array.from({ length: 3_000 }, (_, i) => [i, `g_${i}`]).flat();
  await redis.zadd(keys.owed('fal'), ...entries);
  const { usedBytes, maxBytes, owedBytes } = await memoryUse(redis, keys, PROVIDERS.keys());
  expect(usedBytes / maxBytes).toBeLessThan(0.3);
  // Nobody is registered: the callback alone.
  expect(owedBytes).toBe(3_000 * (2_560 + 2_048));
  await brake.admit(FIRST);
  await redis.sadd(keys.subscribers, 'orders', 'mails');
  later();
  await expect(brake.admit(FIRST)).rejects.toThrow(NoRoom);
});

test('a share of 0, and a Redis without a limit, refuse nothing', async () => {
  const { brake, fill } = await setup(0);
  await fill(16);
  await brake.admit(FIRST);
  const unlimited = await setupStoreOnOwnRedis();
  await unlimited.own.admin.config('SET', 'maxmemory', '0');
  const log = createLogger('silent');
  await createMemoryBrake({ ...unlimited, providers: PROVIDERS, share: 0.01, log }).admit(FIRST);
});

test('what is accepted needs the more room the larger its records are', async () => {
  const { redis, keys } = await setup();
  await redis.zadd(keys.owed('fal'), 1, 'g_1', 2, 'g_2');
  await redis.mset(keys.record('g_1'), 'x'.repeat(1_000), keys.record('g_2'), 'x'.repeat(3_000));
  const { owedBytes } = await memoryUse(redis, keys, PROVIDERS.keys());
  expect(owedBytes).toBe(2 * (2_560 + 2_048 + 2_000));
});
