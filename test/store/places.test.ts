import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPlaces } from '../../src/store/places.ts';
import { createStore } from '../../src/store/store.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

let providers = 0;

/** The places of a provider of the test's own, and its records. */
function setup(limit = 2) {
  const { redis, keys } = testRedis;
  const provider = `p${providers++}`;
  const clock = { now: NOW };
  const store = createStore({
    ...{ redis, keys, retentionMs: 60_000 },
    ...{ matchedByTask: new Set(), counted: new Set([provider]) },
  });
  const now = () => clock.now;
  const places = createPlaces({ redis, keys, store, provider, limit: () => limit, now });
  const taken = () => redis.zrange(keys.running(provider), '0', '-1');
  const create = async () => {
    const record = { ...newRecord(), provider };
    await store.create(record);
    return record;
  };
  return { redis, keys, provider, clock, store, places, taken, create };
}

test('there are as many places as the limit says, and who has one keeps it', async () => {
  const { places, taken } = setup(2);
  const asked = (ids: readonly string[]) => Promise.all(ids.map(places.take));
  expect(await asked(['a', 'b', 'c'])).toEqual([true, true, false]);
  expect(await asked(['c', 'a', 'b'])).toEqual([false, true, true]);
  await places.giveBack('a');
  expect(await asked(['c', 'a'])).toEqual([true, false]);
  expect(await taken()).toEqual(['b', 'c']);
});

test('saving a record takes or frees its place in the same step, whoever took none before', async () => {
  const { provider, store, taken, create } = setup();
  const record = await create();
  expect(await taken()).toEqual([]);
  const { submitting, unconfirmed, submitted, completed } = RECORDS;
  let version = record.version;
  for (const [state, isTaken] of [
    [submitting, true],
    [unconfirmed, true],
    [submitted, true],
    [record, false],
    [submitting, true],
    [completed, false],
  ] as const) {
    const next = { ...state, id: record.id, provider, version: version++ };
    expect(await store.save(next), state.state).toMatchObject({ saved: true });
    expect(await taken(), state.state).toEqual(isTaken ? [record.id] : []);
  }
});

test('a save that loses its compare-and-set moves no place', async () => {
  const { provider, store, taken, create } = setup();
  const record = await create();
  const lost = { ...RECORDS.submitting, id: record.id, provider, version: 7 };
  expect(await store.save(lost)).toMatchObject({ saved: false });
  expect(await taken()).toEqual([]);
});

test('where nobody counts, a save touches no places', async () => {
  const { redis, keys } = testRedis;
  const store = createStore({
    redis,
    keys,
    retentionMs: 60_000,
    matchedByTask: new Set(),
    counted: new Set(),
  });
  const record = { ...newRecord(), provider: 'uncounted' };
  await store.create(record);
  const { id, version, provider } = record;
  await store.save({ ...RECORDS.submitted, id, version, provider });
  expect(await redis.exists(keys.running('uncounted'))).toBe(0);
});

test('healing frees the places of what ended, is gone or was never sent, and of nothing else', async () => {
  const { redis, keys, provider, clock, store, places, taken, create } = setup(10);
  const [ended, waiting] = [await create(), await create()];
  const [running, newer, lost] = [await create(), await create(), await create()];
  const { submitted, completed, unconfirmed } = RECORDS;
  const { firstSentAt } = unconfirmed;
  await store.save({ ...unconfirmed, id: lost.id, provider, version: 0 });
  await store.save({ ...submitted, id: running.id, provider, version: 0 });
  await store.save({ ...completed, id: ended.id, provider, version: 0 });
  await redis.set(keys.record(newer.id), '0\n{"format":99}');
  await Promise.all([ended.id, waiting.id, running.id, newer.id, 'gone'].map(places.take));
  expect(await places.heal()).toBe(2);
  const kept = [waiting.id, running.id, newer.id];
  expect((await taken()).sort()).toEqual([...kept, lost.id].sort());
  clock.now = firstSentAt + 120_001;
  expect(await places.heal()).toBe(1);
  expect((await taken()).sort()).toEqual(kept.sort());
  clock.now = NOW + 300_001;
  expect(await places.heal()).toBe(1);
  expect((await taken()).sort()).toEqual([running.id, newer.id].sort());
});
