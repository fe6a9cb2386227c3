import { expect, test } from 'vitest';
import { createMailbox } from '../../src/store/mailbox.ts';
import { createReschedule } from '../../src/store/reschedule.ts';
import { createSchedule } from '../../src/store/schedule.ts';
import { createUsage } from '../../src/store/usage.ts';
import { NOW, newRecord } from '../generation/fixtures.ts';
import { RETENTION_MS, setupStore } from '../support/store.ts';

/**
 * Redis does not undo what a script wrote before it raised. So each script is handed what makes it
 * raise, wherever that is in its list, and must have written nothing. Our own code sends no such
 * arguments; a bug of tomorrow might.
 */
async function setup() {
  const world = setupStore();
  const schedule = createSchedule(world);
  createMailbox(world);
  createReschedule(world);
  createUsage({ ...world, retentionMs: RETENTION_MS });
  const records = [newRecord(), newRecord()] as const;
  for (const record of records) await world.store.create(record);
  return { ...world, schedule, records };
}

type World = Awaited<ReturnType<typeof setup>>;

/** What save.lua is given of an item, in its order. */
interface Item {
  id: string;
  version: string;
  value: string;
  due: string;
  schedule: string;
  lifetime: string;
  taskLifetime: string;
  onceLifetime: string;
  provider: string;
  tenant: string;
  places: string;
  standing: string;
}

/** Two items for save.lua, the second with `odd` in place of what it should have. */
function save({ redis, keys, records }: World, odd: Partial<Item>) {
  const names = records.flatMap(({ id }) => [
    ...[keys.record(id), keys.task('acme', '1'), keys.parked('acme', '1')],
  ]);
  const fit: Omit<Item, 'id'> = {
    ...{ version: '0', value: '1\n{}', due: String(NOW), schedule: 'owed', lifetime: '' },
    ...{ taskLifetime: '60000', onceLifetime: '', provider: 'fashn', tenant: 'shop', places: '' },
    standing: String(NOW),
  };
  const items: Item[] = [
    { id: records[0].id, ...fit },
    { id: records[1].id, ...fit, ...odd },
  ];
  const args = items.flatMap((item) => Object.values(item) as string[]);
  return redis.catwalkSave(names.length, ...names, keys.prefix, String(NOW), ...args);
}

const create = (
  { redis, keys }: World,
  odd: { due?: string; lifetime?: string; value?: string; now?: string },
) => {
  const { id, provider, tenant } = newRecord();
  const names = [keys.record(id), keys.owed(provider), keys.idempotency('acme', 'k')];
  const { due = String(NOW), lifetime = '60000', value = '0\n{}', now = String(NOW) } = odd;
  const entry = [`${id} body`, lifetime];
  const turn = [keys.prefix, provider, tenant, 'interactive', String(NOW), now, ''];
  const limits = ['', '', '', '', '', ''];
  const args = [value, id, due, ...entry, ...turn, ...limits];
  return redis.catwalkCreate(names.length, ...names, ...args);
};

const takeDue = ({ redis, keys, records: [{ provider }] }: World, ...args: string[]) =>
  redis.catwalkTakeDue(
    4,
    ...[keys.checks(provider), keys.pollBudget(provider)],
    ...[keys.owed(provider), keys.owedBudget(provider)],
    ...args,
    keys.records,
  );

const park = ({ redis, keys }: World, ...args: string[]) =>
  redis.catwalkPark(2, keys.task('acme', '1'), keys.parked('acme', '1'), '{}', ...args);

/** Two items for usage.lua, the second with these last arguments. */
const countEnd = ({ redis, keys, records }: World, lifetime: string, amount: string) => {
  const names = records.flatMap(({ id }) => [keys.counted(id), keys.usage('acme', '2027-01-31')]);
  const item = ['own', 'completed', 'ended', 'late', 'charged'];
  return redis.catwalkUsage(
    names.length,
    ...names,
    ...[lifetime, '60000', ...item, '8', ...item, amount],
  );
};

/** Two items for reschedule.lua that are both missing; the second is due then. */
async function reschedule({ redis, keys, records }: World, due: string) {
  const names = records.flatMap(({ id, provider }) => [keys.record(id), keys.owed(provider)]);
  const [first, second] = records;
  const args = [first.id, '0', String(NOW), '1', second.id, '0', due, '1'];
  return redis.catwalkReschedule(names.length, ...names, ...args);
}

const ofAnotherKind = { of: 'another kind' };

interface Raising {
  readonly title: string;
  /** What must be so in Redis before. */
  readonly given?: (world: World) => Promise<unknown>;
  readonly call: (world: World) => Promise<unknown>;
}

async function withoutSchedule({ redis, keys }: World): Promise<void> {
  await redis.del(keys.owed('fashn'));
  await redis.hset(keys.owed('fashn'), ofAnotherKind);
}

const RAISING: readonly Raising[] = [
  { title: 'save: a due time that is none', call: (world) => save(world, { due: 'NaN' }) },
  { title: 'save: a due time at infinity', call: (world) => save(world, { due: 'Infinity' }) },
  { title: 'save: a lifetime that is none', call: (world) => save(world, { lifetime: 'NaN' }) },
  { title: 'save: a lifetime of nothing', call: (world) => save(world, { lifetime: '0' }) },
  {
    title: 'save: a task entry’s lifetime too long',
    call: (world) => save(world, { taskLifetime: '1e21' }),
  },
  { title: 'save: two entries at once', call: (world) => save(world, { onceLifetime: '60000' }) },
  {
    title: 'save: an idempotency entry’s lifetime that is none',
    call: (world) => save(world, { taskLifetime: '', onceLifetime: '-1' }),
  },
  { title: 'save: a value without a version', call: (world) => save(world, { value: '{}' }) },
  { title: 'save: a version that is none', call: (world) => save(world, { version: 'NaN' }) },
  { title: 'save: a place since never', call: (world) => save(world, { standing: 'NaN' }) },
  {
    title: 'save: places of another kind',
    given: ({ redis, keys }) => redis.hset(keys.busy('fashn', 'shop'), ofAnotherKind),
    call: (world) => save(world, {}),
  },
  {
    title: 'save: parked deliveries of another kind',
    given: ({ redis, keys }) => redis.hset(keys.parked('acme', '1'), ofAnotherKind),
    call: (world) => save(world, {}),
  },
  {
    title: 'save: a schedule of another kind',
    given: withoutSchedule,
    call: (world) => save(world, {}),
  },
  { title: 'create: a due time that is none', call: (world) => create(world, { due: 'NaN' }) },
  { title: 'create: a time that is none', call: (world) => create(world, { now: 'soon' }) },
  {
    title: 'create: a line of another kind',
    given: ({ redis, keys }) => redis.hset(keys.lanes('fashn'), ofAnotherKind),
    call: (world) => create(world, {}),
  },
  { title: 'create: a lifetime that is none', call: (world) => create(world, { lifetime: '1.5' }) },
  { title: 'create: a value without a version', call: (world) => create(world, { value: '' }) },
  {
    title: 'create: a schedule of another kind',
    given: withoutSchedule,
    call: (world) => create(world, {}),
  },
  {
    title: 'take-due: a lease that is none',
    call: (world) => takeDue(world, `${NOW}`, 'NaN', '9', '9', '9'),
  },
  {
    title: 'take-due: a rate of nothing',
    call: (world) => takeDue(world, `${NOW}`, '1000', '9', '9', '0'),
  },
  {
    title: 'take-due: a number that is none',
    call: (world) => takeDue(world, `${NOW}`, '1000', 'x', '9', '9'),
  },
  { title: 'usage: a lifetime that is none', call: (world) => countEnd(world, '0', '8') },
  { title: 'usage: a charge that is none', call: (world) => countEnd(world, '60000', 'NaN') },
  {
    title: 'usage: usage of another kind',
    given: ({ redis, keys }) => redis.set(keys.usage('acme', '2027-01-31'), 'another kind'),
    call: (world) => countEnd(world, '60000', '8'),
  },
  { title: 'park: a lifetime that is none', call: (world) => park(world, 'NaN', '20') },
  { title: 'park: a lifetime of nothing', call: (world) => park(world, '0', '20') },
  { title: 'park: a number that is none', call: (world) => park(world, '60000', 'many') },
  {
    title: 'reschedule: a due time that is none',
    given: ({ redis, keys }) => redis.del(keys.owed('fashn')),
    call: (world) => reschedule(world, 'NaN'),
  },
  {
    title: 'reschedule: a second record of another kind',
    given: async ({ redis, keys, records }) => {
      await redis.del(keys.owed('fashn'), keys.record(records[1].id));
      await redis.hset(keys.record(records[1].id), ofAnotherKind);
    },
    call: (world) => reschedule(world, String(NOW)),
  },
];

test.each(RAISING)('$title raises before anything is written', async ({ given, call }) => {
  const world = await setup();
  await given?.(world);
  const before = await world.contents();
  await expect(call(world)).rejects.toThrow(/catwalk|WRONGTYPE/);
  expect(await world.contents()).toEqual(before);
});

test('one record twice in a list is saved once, and the second save meets the first', async () => {
  const { redis, keys, records } = await setup();
  const [{ id, provider }] = records;
  const record = keys.record(id);
  const names = [record, record, record];
  const args = (value: string) => [
    ...[id, '0', value, String(NOW), 'owed', '', '', '', provider, 'shop', '', ''],
  ];
  const both = [...args('1\n{"a":1}'), ...args('1\n{"a":2}')];
  const given = [...names, ...names, keys.prefix, String(NOW), ...both];
  expect(await redis.catwalkSave(6, ...given)).toEqual([[[], '1\n{"a":1}'], []]);
  expect(await redis.get(keys.record(id))).toBe('1\n{"a":1}');
});

test('a poll budget that is none counts as untouched, and is written anew', async () => {
  for (const odd of ['', 'nonsense', 'nan nan', 'inf 0', '1.2.3 7']) {
    const { redis, keys, schedule, records } = await setup();
    const budget = keys.owedBudget('fashn');
    await redis.set(budget, odd);
    const limits = { now: NOW, leaseMs: 1_000, most: 10, pollsPerSecond: 10 };
    expect((await schedule.takeDue('fashn', limits)).due, odd).toHaveLength(records.length);
    expect(await redis.get(budget)).toBe(`498.000 ${NOW}`);
  }
});

test('what stands in the schedule without a record, or at infinity, holds nobody up', async () => {
  const { redis, keys, schedule, records } = await setup();
  await redis.rpush(keys.record('odd'), 'a list');
  await redis.zadd(keys.owed('fashn'), NOW - 1, 'odd', 'inf', 'never');
  const limits = { now: NOW, leaseMs: 1_000, most: 10, pollsPerSecond: 10 };
  const { due, nextAt } = await schedule.takeDue('fashn', limits);
  expect(due).toHaveLength(records.length);
  expect(nextAt).toBe(NOW + 1_000);
  await redis.zrem(keys.owed('fashn'), ...records.map(({ id }) => id));
  expect((await schedule.takeDue('fashn', limits)).nextAt).toBe(Number.MAX_SAFE_INTEGER);
});
