import { expect, test } from 'vitest';
import type { Generation, InState } from '../../src/generation/generation.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { owesCheck } from '../../src/generation/standing.ts';
import { createReschedule, type Owing } from '../../src/store/reschedule.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { setupStore } from '../support/store.ts';

const LATER = NOW + 600_000;

function setup() {
  const { redis, keys, store, dueOf } = setupStore();
  const reschedule = createReschedule({ redis, keys });
  const create = async <G extends Owing>(record: G): Promise<G> => {
    await store.create(record);
    return record;
  };
  const submitted = (dueAt: number): Promise<InState<'submitted'>> =>
    create({ ...RECORDS.submitted, id: newGenerationId(NOW), version: 0, dueAt });
  const lose = (g: Generation) =>
    redis.zrem(owesCheck(g) ? keys.checks(g.provider) : keys.owed(g.provider), g.id);
  return { redis, keys, store, reschedule, create, submitted, dueOf, lose };
}

test('what is due later is made due sooner, and never the other way', async () => {
  const { reschedule, submitted, dueOf } = setup();
  const [far, near] = [await submitted(LATER), await submitted(NOW - 5)];
  const items = [far, near].map((generation) => ({ generation, soonerAt: NOW }));
  expect(await reschedule.apply(items)).toEqual(['sooner', 'kept']);
  expect([await dueOf(far), await dueOf(near)]).toEqual([NOW, NOW - 5]);
  expect(await reschedule.apply(items)).toEqual(['kept', 'kept']);
});

test('what is under the lease of a round that has it now may be due at once', async () => {
  const { redis, keys, reschedule, submitted, dueOf } = setup();
  const taken = await submitted(NOW - 5);
  await redis.zadd(keys.checks('fashn'), NOW + 30_000, taken.id);
  expect(await reschedule.apply([{ generation: taken, soonerAt: NOW }])).toEqual(['sooner']);
  expect(await dueOf(taken)).toBe(NOW - 5);
});

test('without a wish for sooner only what is missing is put back, at its own due time', async () => {
  const { reschedule, create, dueOf, lose } = setup();
  const [lost, there] = [
    await create(newRecord({ dueAt: LATER })),
    await create(newRecord({ dueAt: LATER + 7 })),
  ];
  await lose(lost);
  expect(await reschedule.missing([lost, there])).toEqual([true, false]);
  expect(await dueOf(lost)).toBeUndefined();
  const items = [lost, there].map((generation) => ({ generation }));
  expect(await reschedule.apply(items)).toEqual(['put-back', 'kept']);
  expect([await dueOf(lost), await dueOf(there)]).toEqual([LATER, LATER + 7]);
});

test('a submitted one that is missing is put back and due at once', async () => {
  const { reschedule, submitted, dueOf, lose } = setup();
  const lost = await submitted(LATER);
  await lose(lost);
  expect(await reschedule.apply([{ generation: lost, soonerAt: NOW }])).toEqual(['put-back']);
  expect(await dueOf(lost)).toBe(NOW);
});

test('a record that was notified since it was read is not due again', async () => {
  const { store, reschedule, create, dueOf } = setup();
  const owing = await create({
    ...RECORDS.completed,
    id: newGenerationId(NOW),
    version: 0,
    dueAt: NOW,
  });
  const { dueAt: _, ...notified } = owing;
  await store.save(notified);
  expect(await reschedule.apply([{ generation: owing }])).toEqual(['moved-on']);
  expect(await dueOf(owing)).toBeUndefined();
});

test('a record whose version moved on since it was read is left alone', async () => {
  const { store, reschedule, submitted, dueOf } = setup();
  const read = await submitted(LATER);
  await store.save({ ...read, dueAt: LATER + 9 });
  expect(await reschedule.apply([{ generation: read, soonerAt: NOW }])).toEqual(['moved-on']);
  expect(await dueOf(read)).toBe(LATER + 9);
});

test('a record that is gone is left alone', async () => {
  const { redis, keys, reschedule, submitted, dueOf, lose } = setup();
  const gone = await submitted(LATER);
  await redis.del(keys.record(gone.id));
  await lose(gone);
  expect(await reschedule.apply([{ generation: gone, soonerAt: NOW }])).toEqual(['moved-on']);
  expect(await dueOf(gone)).toBeUndefined();
});

test('nothing asked is nothing done', async () => {
  const { reschedule } = setup();
  expect(await reschedule.apply([])).toEqual([]);
  expect(await reschedule.missing([])).toEqual([]);
});
