import { expect, test } from 'vitest';
import type { Generation } from '../../src/generation/generation.ts';
import { encodeRecord } from '../../src/store/record-format.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { RETENTION_MS, setupStore as setup } from '../support/store.ts';

const once = (key: string, bodyFingerprint = 'body') => ({ key, bodyFingerprint });

test('a new generation is recorded and scheduled in one step', async () => {
  const { store, dueOf } = setup();
  const record = newRecord();
  expect(await store.create(record)).toBeUndefined();
  expect(await store.load(record.id)).toStrictEqual(record);
  expect(await dueOf(record)).toBe(record.dueAt);
});

test('the same idempotency key answers the first generation and writes nothing', async () => {
  const { store, dueOf } = setup();
  const [first, second] = [newRecord(), newRecord()];
  expect(await store.create(first, once('k', 'body-1'))).toBeUndefined();
  expect(await store.create(second, once('k', 'body-2'))).toEqual({
    id: first.id,
    bodyFingerprint: 'body-1',
  });
  expect(await store.load(second.id)).toBeUndefined();
  expect(await dueOf(second)).toBeUndefined();
});

test('of many requests with one idempotency key at once, exactly one makes a generation', async () => {
  const { store, redis, keys } = setup();
  const records = Array.from({ length: 20 }, () => newRecord());
  const answers = await Promise.all(records.map((record) => store.create(record, once('k'))));
  expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
  expect(new Set(answers.flatMap((answer) => answer?.id ?? [])).size).toBe(1);
  expect(await redis.zcard(keys.owed('fashn'))).toBe(1);
});

test('an idempotency key is remembered until a day after the end, however long that took', async () => {
  const { store, redis, keys } = setup();
  const record = { ...newRecord(), onceKey: 'k' };
  await store.create(record, once('k'));
  const days = async () => (await redis.pttl(keys.idempotency('acme', 'k'))) / (24 * 3_600_000);
  expect(await days()).toBeGreaterThan(90);
  const { id, version, tenant, onceKey } = record;
  const same = { id, version, tenant, onceKey };
  const moved = { ...RECORDS.submitted, ...same };
  expect(await store.save(moved)).toMatchObject({ saved: true });
  expect(await days()).toBeGreaterThan(90);
  const { dueAt = NOW } = RECORDS.completed;
  const ended = { ...RECORDS.completed, ...same, version: version + 1, dueAt };
  expect(await store.save(ended)).toMatchObject({ saved: true });
  expect(await days()).toBeLessThanOrEqual(1);
  expect(await days()).toBeGreaterThan(0.9);
});

test('an old generation’s late news do not touch the entry of a new one with the same key', async () => {
  const { store, redis, keys } = setup();
  const old = { ...newRecord(), onceKey: 'k' };
  await store.create(old);
  await store.create(newRecord(), once('k'));
  const { id, version, tenant, onceKey, dueAt } = old;
  const told = { ...RECORDS.failed, id, version, tenant, onceKey, dueAt };
  expect(await store.save(told)).toMatchObject({ saved: true });
  const leftMs = await redis.pttl(keys.idempotency('acme', 'k'));
  expect(leftMs).toBeGreaterThan(90 * 24 * 3_600_000);
});

test('two tenants may use the same idempotency key', async () => {
  const { store } = setup();
  const [a, b] = [newRecord({ tenant: 'a' }), newRecord({ tenant: 'b' })];
  expect(await store.create(a, once('k'))).toBeUndefined();
  expect(await store.create(b, once('k'))).toBeUndefined();
  expect(await store.loadAll([a.id, b.id])).toStrictEqual([a, b]);
});

test('a create that is sent again after a lost reply does not undo what happened since', async () => {
  const { store, dueOf } = setup();
  const record = newRecord();
  await store.create(record);
  const moved = { ...record, dueAt: NOW + 5_000 };
  await store.save(moved);
  expect(await store.create(record)).toBeUndefined();
  expect(await store.load(record.id)).toMatchObject({ version: 1, dueAt: NOW + 5_000 });
  expect(await dueOf(record)).toBe(NOW + 5_000);
});

test('loading answers in the order asked, and undefined for what is unknown', async () => {
  const { store } = setup();
  const [a, b] = [newRecord(), newRecord()];
  await store.create(a);
  await store.create(b);
  expect(await store.loadAll([b.id, newRecord().id, a.id])).toStrictEqual([b, undefined, a]);
  expect(await store.loadAll([])).toEqual([]);
});

test('a save counts the version and moves the generation in the schedule', async () => {
  const { store, dueOf } = setup();
  const record = newRecord();
  await store.create(record);
  const moved = { ...record, dueAt: NOW + 1_234 };
  expect(await store.save(moved)).toEqual({
    saved: true,
    generation: { ...moved, version: 1 },
    parked: [],
  });
  expect(await store.load(record.id)).toStrictEqual({ ...moved, version: 1 });
  expect(await dueOf(record)).toBe(NOW + 1_234);
});

test('of many writers with the same version exactly one wins; the others get its record', async () => {
  const { store, rivalStore, dueOf } = setup();
  const rival = rivalStore();
  const record = newRecord();
  await store.create(record);
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 ? store : rival).saveAll([{ ...record, dueAt: NOW + i }]),
    ),
  );
  const [winner, ...rest] = results.flat().filter((result) => result.saved);
  expect(rest).toEqual([]);
  const winning = winner?.saved ? winner.generation : undefined;
  expect(winning?.version).toBe(1);
  for (const result of results.flat()) {
    if (!result.saved) expect(result.current).toStrictEqual(winning);
  }
  expect(await dueOf(record)).toBe(winning?.dueAt);
});

test('a save that is repeated because its reply was lost knows its own', async () => {
  const { store } = setup();
  const record = newRecord();
  await store.create(record);
  const ours = { ...RECORDS.submitting, id: record.id, version: 0, sender: 'ours' };
  const saved = { saved: true, generation: { ...ours, version: 1 }, parked: [] };
  expect(await store.save(ours)).toEqual(saved);
  expect(await store.save(ours)).toEqual(saved);
  const theirs = { ...ours, sender: 'theirs' };
  expect(await store.save(theirs)).toEqual({ saved: false, current: saved.generation });
});

test('versions are compared as a whole: 1 is not 10, nor 12', async () => {
  const { store, redis, keys } = setup();
  const record = newRecord({ version: 12 });
  await redis.set(keys.record(record.id), encodeRecord(record));
  for (const version of [1, 2, 120]) {
    expect(await store.save({ ...record, version })).toEqual({ saved: false, current: record });
  }
  expect(await store.save(record)).toMatchObject({
    saved: true,
    generation: { version: 13 },
    parked: [],
  });
});

test('each item of a list stands for itself', async () => {
  const { store } = setup();
  const [a, stale, gone, b] = [newRecord(), newRecord(), newRecord(), newRecord()];
  for (const record of [a, stale, b]) await store.create(record);
  await store.save({ ...stale, dueAt: NOW + 1 });
  const results = await store.saveAll([a, stale, gone, b]);
  expect(results).toEqual([
    { saved: true, generation: { ...a, version: 1 }, parked: [] },
    { saved: false, current: { ...stale, dueAt: NOW + 1, version: 1 } },
    { saved: false, current: undefined },
    { saved: true, generation: { ...b, version: 1 }, parked: [] },
  ]);
  expect(await store.saveAll([])).toEqual([]);
});

test('two saves of one generation in one batch: the first wins, the second gets its record', async () => {
  const { store, dueOf } = setup();
  const record = newRecord();
  await store.create(record);
  const first = { ...record, dueAt: NOW + 1 };
  const [won, lost] = await Promise.all([
    store.save(first),
    store.save({ ...record, dueAt: NOW + 2 }),
  ]);
  expect(won).toEqual({ saved: true, generation: { ...first, version: 1 }, parked: [] });
  expect(lost).toEqual({ saved: false, current: { ...first, version: 1 } });
  expect(await dueOf(record)).toBe(NOW + 1);
});

test('saving what is gone answers so, leaves the schedule and does not bring it back', async () => {
  const { store, redis, keys, dueOf } = setup();
  const record = newRecord();
  await store.create(record);
  await redis.del(keys.record(record.id));
  expect(await store.save(record)).toEqual({ saved: false, current: undefined });
  expect(await dueOf(record)).toBeUndefined();
  expect(await store.load(record.id)).toBeUndefined();
});

test.each(['completed', 'failed', 'timed_out', 'canceled'] as const)(
  'a %s record has no lifetime before it is notified; then it leaves the schedule and gets one',
  async (state) => {
    const { store, redis, keys, dueOf } = setup();
    const record = newRecord();
    await store.create(record);
    const ended = { ...RECORDS[state], id: record.id, version: 0 };
    const saved = await store.save(ended);
    expect(await dueOf(record)).toBe(ended.dueAt);
    expect(await redis.pttl(keys.record(record.id))).toBe(-1);

    if (!saved.saved) throw new Error('not saved');
    const { dueAt: _, ...notified } = saved.generation;
    expect(await store.save(notified as Generation)).toMatchObject({ saved: true });
    expect(await dueOf(record)).toBeUndefined();
    const left = await redis.pttl(keys.record(record.id));
    expect(left).toBeGreaterThan(RETENTION_MS - 60_000);
    expect(left).toBeLessThanOrEqual(RETENTION_MS);
    expect(await store.load(record.id)).toStrictEqual({ ...notified, version: 2 });
  },
);

test('every provider has a schedule of its own', async () => {
  const { store, redis, keys } = setup();
  await store.create(newRecord({ provider: 'fashn' }));
  await store.create(newRecord({ provider: 'kling' }));
  expect(await redis.zcard(keys.owed('fashn'))).toBe(1);
  expect(await redis.zcard(keys.owed('kling'))).toBe(1);
});

test('a Redis that forgot our scripts is given them again', async () => {
  const { store, redis } = setup();
  const record = newRecord();
  await redis.script('FLUSH');
  expect(await store.create(record)).toBeUndefined();
  await redis.script('FLUSH');
  expect(await store.save(record)).toMatchObject({ saved: true });
});

test('a record that cannot be read fails only the call that asked for it', async () => {
  const { store, redis, keys } = setup();
  const [good, newer] = [newRecord(), newRecord()];
  await store.create(good);
  await redis.set(keys.record(newer.id), '7\n{"state":"from the future"}');
  const loads = await Promise.allSettled([store.load(good.id), store.load(newer.id)]);
  expect(loads).toMatchObject([
    { status: 'fulfilled', value: good },
    { status: 'rejected', reason: { code: 'defect' } },
  ]);
  const saves = await Promise.allSettled([store.save(good), store.save(newer)]);
  expect(saves).toMatchObject([
    { status: 'fulfilled', value: { saved: true } },
    { status: 'fulfilled', value: { saved: false, current: { code: 'defect' } } },
  ]);
  expect(await store.loadAll([good.id, newer.id])).toMatchObject([
    { id: good.id },
    { code: 'defect' },
  ]);
});

test('every key has the same hash tag, so that one script may touch them on a cluster', async () => {
  const { store, redis, keys } = setup();
  await store.create(newRecord(), once('k'));
  const names = [
    ...(await redis.keys(`${keys.prefix}*`)),
    keys.pollBudget('fashn'),
    keys.subscribers,
  ];
  expect(names.length).toBeGreaterThanOrEqual(5);
  expect(new Set(names.map(tagOf))).toEqual(new Set([keys.prefix]));
});

/** What Redis Cluster hashes: between the first brace and the next. */
function tagOf(name: string): string {
  return /\{[^}]+\}/.exec(name)?.[0] ?? name;
}

test('a waiting generation costs less than 1,200 bytes of Redis, its schedule entry included', async () => {
  const { store, redis, keys } = setup();
  const count = 1_000;
  const image = (name: string, i: number) =>
    `https://images.example-shop.com/${name}/${String(i).padStart(8, '0')}/`.padEnd(66, 'x') +
    '.jpg';
  const records = Array.from({ length: count }, (_, i) => {
    const { id } = newRecord();
    const input = { model_image: image('people', i), garment_image: image('clothes', i) };
    expect(input.model_image).toHaveLength(70);
    const metadata = { order: `order-${i}`, user: 12_345 };
    return { record: newRecord({ id }), submitted: { ...RECORDS.submitted, id, input, metadata } };
  });
  await Promise.all(records.map(({ record }) => store.create(record)));
  await store.saveAll(records.map(({ submitted }) => ({ ...submitted, version: 0 })));

  const bytesOf = async (key: string) => Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
  const ids = records.map(({ record }) => keys.record(record.id));
  const sizes = await Promise.all(ids.map(bytesOf));
  const recordBytes = sizes.reduce((sum, bytes) => sum + bytes, 0) / count;
  const scheduleBytes = (await bytesOf(keys.owed('fashn'))) / count;
  expect(recordBytes).toBeGreaterThan(500);
  expect(recordBytes + scheduleBytes).toBeLessThan(1_200);
});
