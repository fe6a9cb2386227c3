import { afterAll, beforeAll, expect, test } from 'vitest';
import { newGenerationId } from '../../src/generation/ids.ts';
import { createStore } from '../../src/store/store.ts';
import { createTurns, type Turn } from '../../src/store/turns.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

let providers = 0;
const MANY = 1_000;

/** The lines of a provider of the test's own, with so many places and turns at once. */
async function setup(pace: { places?: number; window?: number } = {}) {
  const { redis, keys } = testRedis;
  const provider = `p${providers++}`;
  const clock = { now: NOW };
  const given: Turn[] = [];
  const { places, window = MANY } = pace;
  const parts = {
    ...{ redis, keys, placesAt: () => places, providers: [provider] },
    ...{
      onTurns: async (turns: readonly Turn[]) => void given.push(...turns),
      now: () => clock.now,
    },
  };
  const store = createStore({ ...parts, retentionMs: 60_000, matchedByTask: new Set() });
  const turns = createTurns({ ...parts, store });
  await turns.tend(provider, { places, window }, MANY);
  const record = (tenant = 'shop', more: object = {}) => ({
    ...newRecord({ provider, tenant, createdAt: clock.now++ }),
    ...more,
  });
  /** Asks for so many of a tenant, one after another. */
  const ask = async (tenant: string, count = 1, more: object = {}) => {
    const records = Array.from({ length: count }, () => record(tenant, more));
    for (const one of records) await store.create(one);
    return records;
  };
  /** Sends whose turn is first; the tenants in the order of their turns. */
  const tenantOf = new Map<string, string>();
  async function sendNext(): Promise<string | undefined> {
    const turn = given.shift();
    const found = turn && (await store.load(turn.id));
    if (found?.state !== 'queued') return undefined;
    tenantOf.set(found.id, found.tenant);
    const next = { ...RECORDS.submitting, id: found.id, provider, tenant: found.tenant };
    await store.save({ ...next, createdAt: found.createdAt, version: found.version });
    return found.tenant;
  }
  const send = async (count: number) => {
    const sent: (string | undefined)[] = [];
    for (let i = 0; i < count; i++) sent.push(await sendNext());
    return sent;
  };
  const end = async (id: string) => {
    const found = await store.load(id);
    if (!found) throw new Error('gone');
    const { version, tenant } = found;
    await store.save({ ...RECORDS.completed, id: found.id, version, tenant, provider });
  };
  const shares = (fields: Record<string, string>) => redis.hset(keys.shares, fields);
  const running = () => redis.zrange(keys.running(provider), '0', '-1');
  return {
    ...{ redis, keys, provider, clock, given, store, turns, record, ask, send, end, shares },
    running,
  };
}

test('while places are free, whoever asks has its turn at once', async () => {
  const { ask, given } = await setup();
  const records = await ask('shop', 5);
  expect(given.map(({ id }) => id)).toEqual(records.map(({ id }) => id));
});

test('tenants take turns, in the order of each one’s own line', async () => {
  const { ask, send } = await setup({ window: 1 });
  await ask('loud', 6);
  await ask('quiet', 2);
  // One of the loud tenant's had its turn before anybody else was there.
  expect(await send(8)).toEqual(['loud', 'loud', 'quiet', 'loud', 'quiet', 'loud', 'loud', 'loud']);
});

test('a tenant without anybody in line is next within two turns, however long another’s line is', async () => {
  const { ask, send } = await setup({ window: 2 });
  await ask('loud', 50);
  await send(20);
  await ask('quiet', 1);
  expect((await send(3)).at(-1)).toBe('quiet');
});

test('who was served while nobody else waited owes nothing for it', async () => {
  const { ask, send } = await setup({ window: 1 });
  await ask('early', 40);
  await send(30);
  await ask('late', 10);
  const sent = await send(10);
  expect(sent.filter((tenant) => tenant === 'early').length).toBeGreaterThanOrEqual(4);
});

test('who always asks for one more as soon as it was served gets no more than its share', async () => {
  const { ask, send } = await setup({ window: 1 });
  await ask('a', 40);
  await ask('b', 40);
  await ask('again', 1);
  const sent: (string | undefined)[] = [];
  for (let i = 0; i < 30; i++) {
    const [tenant] = await send(1);
    sent.push(tenant);
    if (tenant === 'again') await ask('again', 1);
  }
  expect(sent.filter((tenant) => tenant === 'again').length).toBeLessThanOrEqual(11);
});

test('weights: who counts twice has two turns for each of another', async () => {
  const { ask, send, shares } = await setup({ window: 1 });
  await shares({ heavy: '2' });
  await ask('heavy', 30);
  await ask('light', 30);
  const sent = await send(30);
  const heavy = sent.filter((tenant) => tenant === 'heavy').length;
  expect(heavy).toBeGreaterThanOrEqual(19);
  expect(heavy).toBeLessThanOrEqual(21);
});

test('shoppers come before a catalogue run of the same tenant, which is never starved', async () => {
  const { ask, given, store, send } = await setup({ window: 1 });
  await ask('shop', 1);
  await ask('shop', 3, { lane: 'batch' });
  await ask('shop', 20);
  const lanes: string[] = [];
  for (let i = 0; i < 20; i++) {
    const next = given[0] && (await store.load(given[0].id));
    lanes.push(next?.lane ?? 'interactive');
    await send(1);
  }
  expect(lanes.slice(0, 9)).not.toContain('batch');
  expect(lanes.filter((lane) => lane === 'batch').length).toBe(2);
});

test('no more have a turn or run than there are places, and an end is another’s turn', async () => {
  const { ask, send, end, given, running } = await setup({ places: 2 });
  const [first] = await ask('shop', 4);
  expect(given).toHaveLength(2);
  await send(2);
  expect(await running()).toHaveLength(2);
  expect(given).toEqual([]);
  await end(first?.id ?? '');
  expect(given).toHaveLength(1);
});

test('a tenant gets no more places than its ceiling, and others take what it leaves', async () => {
  const { ask, shares, provider, send, given } = await setup({ places: 4 });
  await shares({ [`${provider}/big`]: '0 2' });
  await ask('big', 4);
  await ask('small', 4);
  expect(await send(given.length)).toEqual(['big', 'big', 'small', 'small']);
});

test('what a tenant’s floor leaves free is nobody else’s', async () => {
  const { ask, shares, provider, send, given } = await setup({ places: 3 });
  await shares({ [`${provider}/small`]: '1 3', [`floors:${provider}`]: 'small 1' });
  await ask('big', 4);
  expect(await send(given.length)).toEqual(['big', 'big']);
  await ask('small', 2);
  expect(await send(given.length)).toEqual(['small']);
});

test('who has no turn (any more) is not sent', async () => {
  const { ask, store, provider, given } = await setup({ window: 1 });
  const [, second] = await ask('shop', 2);
  expect(given).toHaveLength(1);
  const early = { ...RECORDS.submitting, id: second?.id ?? newGenerationId(NOW), provider };
  const saved = await store.save({ ...early, version: 0, tenant: 'shop' });
  expect(saved).toMatchObject({ saved: false, current: { code: 'not_its_turn' } });
});

test('who waits for something else leaves its turn to another, and gets a new one later', async () => {
  const { ask, store, turns, given, send } = await setup({ window: 1 });
  const [first, second] = await ask('shop', 2);
  if (!first || !second) throw new Error('not asked');
  const hold = { reason: 'unauthorized' as const, until: NOW + 60_000 };
  await store.save({ ...first, hold });
  expect(given.map(({ id }) => id)).toEqual([first.id, second.id]);
  expect(await turns.enter({ ...first, version: 1 })).toBeUndefined();
  given.shift();
  await send(1);
  expect(given).toMatchObject([{ id: first.id }]);
});

test('whoever enters twice stands in line once, and who ended is not in it', async () => {
  const { ask, turns, end, redis, keys, provider } = await setup({ window: 1 });
  const [, second] = await ask('shop', 2);
  if (!second) throw new Error('not asked');
  await turns.enter(second);
  const line = keys.line(provider, 'shop', 'interactive');
  expect(await redis.zcard(line)).toBe(1);
  await end(second.id);
  expect(await redis.zcard(line)).toBe(0);
});

test('a turn that does not begin is told of again, with the job of the same name', async () => {
  const { ask, turns, given, clock, provider } = await setup({ window: 1 });
  await ask('shop', 2);
  const pace = { places: undefined, window: 1 };
  expect(await turns.tend(provider, pace, 10_000)).toEqual([]);
  clock.now += 10_001;
  expect(await turns.tend(provider, pace, 10_000)).toEqual([given[0]]);
});

test('a turn that is given back is another’s', async () => {
  const { ask, turns, given } = await setup({ window: 1 });
  const [first, second] = await ask('shop', 2);
  if (first) await turns.giveBack(first);
  expect(given.map(({ id }) => id)).toEqual([first?.id, second?.id]);
});

test('a save that loses its compare-and-set moves nobody', async () => {
  const { ask, store, provider, running } = await setup();
  const [record] = await ask('shop', 1);
  const lost = { ...RECORDS.completed, id: record?.id ?? newGenerationId(NOW), provider };
  expect(await store.save({ ...lost, version: 7 })).toMatchObject({ saved: false });
  expect(await running()).toHaveLength(1);
});

test('healing frees the places of what ended, is gone or was never sent, and of nothing else', async () => {
  const { redis, keys, provider, clock, store, turns, ask, running } = await setup({ places: 10 });
  const records = await ask('shop', 5);
  const [ended, waiting, runs, newer, lost] = records.map(({ id }) => id);
  if (!ended || !waiting || !runs || !newer || !lost) throw new Error('not asked');
  const { submitted, completed, unconfirmed } = RECORDS;
  const own = { provider, tenant: 'shop', version: 0 };
  await store.save({ ...unconfirmed, ...own, id: lost });
  await store.save({ ...submitted, ...own, id: runs });
  await store.save({ ...completed, ...own, id: ended });
  await redis.set(keys.record(newer), '0\n{"format":99}');
  for (const id of [ended, waiting, newer, 'gone']) {
    await redis.zadd(keys.running(provider), NOW, id);
    await redis.zrem(keys.turns(provider), id);
  }
  clock.now = NOW + 1;
  expect(await turns.heal(provider)).toBe(2);
  const kept = [waiting, runs, newer];
  expect((await running()).sort()).toEqual([...kept, lost].sort());
  clock.now = unconfirmed.firstSentAt + 120_001;
  expect(await turns.heal(provider)).toBe(1);
  clock.now = NOW + 300_001;
  expect(await turns.heal(provider)).toBe(1);
  expect((await running()).sort()).toEqual([runs, newer].sort());
});

test('who was passed over at its ceiling has saved nothing up when it may go again', async () => {
  const { ask, shares, provider, send, redis, keys } = await setup({ window: 1 });
  await shares({ [`${provider}/capped`]: '0 1' });
  await ask('capped', 20);
  await ask('other', 60);
  await send(30);
  await redis.hdel(keys.shares, `${provider}/capped`);
  const sent = await send(20);
  expect(sent.filter((tenant) => tenant === 'capped').length).toBeLessThanOrEqual(12);
});

test('floors that are more than the places stop nobody', async () => {
  const { ask, shares, provider, given } = await setup({ places: 3 });
  const floors = ['a', 'b', 'c'].map((tenant) => [`${provider}/${tenant}`, '2 9']);
  const listed = { [`floors:${provider}`]: 'a 2 b 2 c 2' };
  await shares({ ...Object.fromEntries(floors), ...listed });
  for (const tenant of ['a', 'b', 'c', 'none']) await ask(tenant, 2);
  expect(given.length).toBeGreaterThanOrEqual(2);
});

test('while others wait, one tenant holds no more than half of the few turns', async () => {
  const { ask, given, store, end } = await setup({ window: 4 });
  const first = await ask('slow', 10);
  await ask('quick', 3);
  for (const { id } of first.slice(0, 2)) await end(id);
  const holders = await Promise.all(
    given.slice(2).map(async ({ id }) => (await store.load(id))?.tenant),
  );
  expect(holders.filter((tenant) => tenant === 'quick')).toHaveLength(2);
});

test('what moved on since it was read gets no turn', async () => {
  const { ask, turns, end, given, keys, redis, provider } = await setup();
  const [record] = await ask('shop', 1);
  if (!record) throw new Error('not asked');
  await end(record.id);
  given.length = 0;
  expect(await turns.enter(record)).toBeUndefined();
  expect(await redis.zcard(keys.turns(provider))).toBe(0);
});

test('a turn and a tenant’s part that belong to nothing are taken away', async () => {
  const { ask, turns, end, redis, keys, provider, running } = await setup();
  const [record] = await ask('shop', 1);
  if (!record) throw new Error('not asked');
  await end(record.id);
  // As an older release leaves them, which knows neither.
  await redis.zadd(keys.turns(provider), NOW, record.id);
  await redis.zadd(keys.running(provider), NOW, record.id);
  await redis.zadd(keys.busy(provider, 'shop'), NOW, record.id, NOW, 'gone');
  await turns.heal(provider);
  expect(await running()).toEqual([]);
  expect(await redis.zcard(keys.turns(provider))).toBe(0);
  expect(await redis.zcard(keys.busy(provider, 'shop'))).toBe(0);
});
