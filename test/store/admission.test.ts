import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Admission } from '../../src/store/create-record.ts';
import { createStore } from '../../src/store/store.ts';
import { createTurns } from '../../src/store/turns.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

let tenants = 0;

/** A tenant of the test's own at two providers, each of which takes two at once. */
async function setup() {
  const { redis, keys } = testRedis;
  const tenant = `t${tenants++}`;
  const providers = [`${tenant}-a`, `${tenant}-b`] as const;
  const clock = { now: NOW };
  const parts = {
    ...{ redis, keys, placesAt: () => 2, providers, onTurns: async () => {} },
    now: () => clock.now,
  };
  const store = createStore({ ...parts, retentionMs: 60_000, matchedByTask: new Set() });
  const turns = createTurns({ ...parts, store });
  for (const name of providers) await turns.tend(name, { places: 2, window: 9 }, 1);
  const ask = async (admission: Admission, provider: string = providers[0], key?: string) => {
    const record = newRecord({ provider, tenant, createdAt: clock.now });
    const once = key === undefined ? undefined : { key, bodyFingerprint: 'body' };
    await store.create(record, once, admission);
    return record;
  };
  return { redis, keys, tenant, providers, clock, store, ask };
}

test('so many may wait, over all providers, and what is refused is not stored', async () => {
  const { ask, providers, redis, keys } = await setup();
  const limits = { mostWaiting: 2 };
  for (const provider of [...providers, ...providers, ...providers]) await ask(limits, provider);
  const before = (await redis.keys(`${keys.records}*`)).length;
  const refused = ask(limits, providers[1], 'order-1');
  await expect(refused).rejects.toMatchObject({
    code: 'too_many_waiting',
    limit: { name: 'waiting', used: 2, most: 2 },
  });
  expect((await redis.keys(`${keys.records}*`)).length).toBe(before);
  // The key was not used up: with room it makes a generation of its own.
  await ask({ mostWaiting: 3 }, providers[1], 'order-1');
});

test('so many may be sent or run at one provider, and others are not counted there', async () => {
  const { ask, providers } = await setup();
  const limits = { here: { mostInFlight: 1 } };
  await ask(limits);
  await expect(ask(limits)).rejects.toMatchObject({ code: 'too_many_in_flight_at_provider' });
  await ask(limits, providers[1]);
});

test('what ended makes room', async () => {
  const { ask, store } = await setup();
  const limits = { mostInFlight: 1 };
  const { id, provider, tenant, version } = await ask(limits);
  await expect(ask(limits)).rejects.toMatchObject({ code: 'too_many_in_flight' });
  await store.save({ ...RECORDS.completed, id, provider, tenant, version });
  await ask(limits);
});

test('requests of a second are counted, and the wait is what the next one really takes', async () => {
  const { ask, clock } = await setup();
  const limits = { requestsPerSecond: 0.5, burst: 2 };
  await ask(limits);
  await ask(limits);
  const refused = await ask(limits).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'too_many_requests', retryAfterMs: 2_000 });
  clock.now += 2_000;
  await ask(limits);
});

test('the wait for a place in line is how fast that line has moved lately', async () => {
  const { ask, store, clock } = await setup();
  const limits = { mostWaiting: 6 };
  const asked = [];
  for (let i = 0; i < 8; i++) asked.push(await ask(limits));
  for (const { id, provider, tenant, version } of asked.slice(0, 5)) {
    clock.now += 7_000;
    await store.save({ ...RECORDS.completed, id, provider, tenant, version });
  }
  for (let i = 0; i < 5; i++) await ask(limits);
  const refused = await ask(limits).catch((error: unknown) => error as { retryAfterMs: number });
  expect(refused).toMatchObject({ code: 'too_many_waiting' });
  const { retryAfterMs } = refused as { retryAfterMs: number };
  expect(retryAfterMs).toBeGreaterThan(3_000);
  expect(retryAfterMs).toBeLessThanOrEqual(7_000);
});

test('a repeat with the same key is answered however full it is', async () => {
  const { ask, store, tenant, providers } = await setup();
  const first = await ask({}, providers[0], 'order-9');
  const again = newRecord({ provider: providers[0], tenant });
  const once = { key: 'order-9', bodyFingerprint: 'body' };
  expect(await store.create(again, once, { mostWaiting: 0, mostInFlight: 0 })).toMatchObject({
    id: first.id,
  });
});
