import { expect, test } from 'vitest';
import { NO_REPLICAS, OUT_OF_MEMORY, READ_ONLY } from '../../rig/redis/redis-faults.ts';
import { createMailbox } from '../../src/store/mailbox.ts';
import { createSchedule } from '../../src/store/schedule.ts';
import { createLastingRegistration } from '../../src/store/subscribers.ts';
import { createUsage } from '../../src/store/usage.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { RETENTION_MS, setupStoreOnOwnRedis } from '../support/store.ts';
import { until } from '../support/until.ts';

test.each([READ_ONLY, OUT_OF_MEMORY, NO_REPLICAS])(
  'a script that Redis answers with $says has written nothing, not half of it',
  async (fault) => {
    const { own, redis, keys, store, contents } = await setupStoreOnOwnRedis();
    const schedule = createSchedule({ redis, keys });
    const mailbox = createMailbox({ redis, keys });
    const usage = createUsage({ redis, keys, retentionMs: RETENTION_MS });
    const [one, another] = [newRecord(), newRecord()];
    await store.create(one);
    await store.create(another);
    const before = await contents();
    const limits = { now: NOW + 3_600_000, leaseMs: 1_000, most: 10, pollsPerSecond: 10 };
    const each: Readonly<Record<string, () => Promise<unknown>>> = {
      create: () => store.create(newRecord(), { key: 'order-1', bodyFingerprint: 'body' }),
      save: () => store.saveAll([one, another]),
      take: () => schedule.takeDue(one.provider, limits),
      count: () => usage.ended([RECORDS.completed]),
      park: () => mailbox.match('vtryon', 'task-1', { type: 'cancel' }),
    };

    const end = await fault.begin(own);
    for (const [name, write] of Object.entries(each)) {
      await expect(write(), name).rejects.toThrow(fault.says);
    }
    await end();
    expect(await contents()).toEqual(before);
    // The same is taken now.
    for (const write of Object.values(each)) await write();
    expect(await contents()).not.toEqual(before);
  },
);

test('a script that began to write before the memory ran out finishes: all of its list, or none', async () => {
  const { own, store } = await setupStoreOnOwnRedis();
  const [gone, one, another] = [newRecord(), newRecord(), newRecord()];
  await store.create(one);
  await store.create(another);
  await OUT_OF_MEMORY.begin(own);
  // Its first step takes a record that is gone out of the schedule, which no lack of memory forbids.
  const saved = await store.saveAll([gone, one, another]);
  expect(saved.map((result) => result.saved)).toEqual([false, true, true]);
  const versions = await store.loadAll([one.id, another.id]);
  expect(versions).toMatchObject([{ version: one.version + 1 }, { version: another.version + 1 }]);
});

test.each([OUT_OF_MEMORY, NO_REPLICAS])(
  'a name that Redis, back without it, answers with $says is registered when that is over',
  async (fault) => {
    const { own, redis, keys, another } = await setupStoreOnOwnRedis();
    const lasting = another();
    await createLastingRegistration({ redis: lasting, keys }).register('orders');
    const id = await lasting.client('ID');

    await redis.del(keys.subscribers);
    const end = await fault.begin(own);
    const refusals = async () => (await redis.info('commandstats')).match(/sadd:.*/)?.[0];
    const before = await refusals();
    await redis.client('KILL', 'ID', id);
    await until('it has been refused', async () => (await refusals()) !== before);
    await end();
    await until('it is registered', async () => (await redis.scard(keys.subscribers)) === 1);
    expect(await redis.smembers(keys.subscribers)).toEqual(['orders']);
  },
);
