import { expect, test } from 'vitest';
import { walkRecords } from '../../src/store/walk-records.ts';
import { newRecord } from '../generation/fixtures.ts';
import { setupStore as setup } from '../support/store.ts';

async function walked({ redis, keys }: ReturnType<typeof setup>) {
  const ids: string[] = [];
  let [unreadable, largest] = [0, 0];
  for await (const page of walkRecords({ redis, keys })) {
    ids.push(...page.generations.map(({ id }) => id));
    unreadable += page.unreadable;
    largest = Math.max(largest, page.generations.length);
  }
  return { ids, unreadable, largest };
}

test('every record is in some page, pages are small, and other keys are passed over', async () => {
  const world = setup();
  const records = Array.from({ length: 2_000 }, () => newRecord());
  await Promise.all(records.map((record) => world.store.create(record)));
  await world.redis.set(`${world.keys.prefix}:other`, 'no record');
  const { ids, unreadable, largest } = await walked(world);
  expect(new Set(ids)).toEqual(new Set(records.map(({ id }) => id)));
  expect(unreadable).toBe(0);
  // Redis may answer with a few more than it is asked to look at.
  expect(largest).toBeLessThan(1_000);
});

test('another installation on the same Redis keeps its records to itself', async () => {
  const [mine, theirs] = [setup(), setup()];
  await theirs.store.create(newRecord());
  expect(await walked(mine)).toEqual({ ids: [], unreadable: 0, largest: 0 });
});

test('a record that cannot be read is counted, and the others are answered', async () => {
  const world = setup();
  const [good, newer] = [newRecord(), newRecord()];
  await world.store.create(good);
  await world.store.create(newer);
  await world.redis.set(world.keys.record(newer.id), '7\n{"state":"from the future"}');
  expect(await walked(world)).toMatchObject({ ids: [good.id], unreadable: 1 });
});
