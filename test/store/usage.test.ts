import { expect, test } from 'vitest';
import type { FinalGeneration } from '../../src/generation/generation.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { createUsage } from '../../src/store/usage.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { RETENTION_MS, setupStore } from '../support/store.ts';

const DAY_MS = 24 * 3_600_000;

function setup() {
  const world = setupStore();
  return { ...world, usage: createUsage({ ...world, retentionMs: RETENTION_MS }) };
}

/** One of its own that ended so. */
function ended<G extends FinalGeneration>(g: G, changes: Partial<FinalGeneration> = {}): G {
  return { ...g, id: newGenerationId(NOW), ...changes } as G; // the state is not among the changes
}

const credits = (amount: number) => ({ charge: { amount, unit: 'credits' } });

test('each end counts once, whoever tells it and how often', async () => {
  const { usage, another, keys } = setup();
  const rival = createUsage({ redis: another(), keys, retentionMs: RETENTION_MS });
  const [one, two] = [
    ended(RECORDS.completed, credits(0.1)),
    ended(RECORDS.completed, credits(0.2)),
  ];
  const failed = ended(RECORDS.failed);
  await Promise.all([usage.ended([one, two]), rival.ended([two, failed, one]), usage.ended([one])]);
  const [today] = await usage.lastDays('acme', 1, NOW);
  expect(today).toEqual({
    date: '2027-01-15',
    models: [
      {
        ...{ provider: 'fashn', model: 'tryon-v1.6', asked: 0, late: 0 },
        ended: { completed: 2, failed: 1 },
        charged: [{ amount: 0.3, unit: 'credits' }],
        listed: [],
      },
    ],
  });
});

test('usage is by tenant, by the day of each end, by model, in each unit', async () => {
  const { usage } = setup();
  await usage.ended([
    ended(RECORDS.completed, { model: 'dear', charge: { amount: 2, unit: 'USD' } }),
    ended(RECORDS.completed, { model: 'dear', charge: { amount: 40, unit: 'credits' } }),
    ended(RECORDS.completed, { model: 'cheap', listPrice: '1 credit' }),
    ended(RECORDS.completed, { model: 'cheap', listPrice: '1 credit' }),
    ended(RECORDS.canceled, { model: 'cheap', finishedAt: NOW - DAY_MS, task: undefined }),
    ended(RECORDS.completed, { tenant: 'rival', model: 'other' }),
    ended(RECORDS.completed, { model: 'test', isTest: true, ...credits(5) }),
  ]);
  const [today, yesterday, before] = await usage.lastDays('acme', 3, NOW);
  expect(today?.models).toMatchObject([
    { model: 'cheap', charged: [], listed: [{ listPrice: '1 credit', count: 2 }] },
    {
      model: 'dear',
      ended: { completed: 2 },
      charged: expect.arrayContaining([
        { amount: 2, unit: 'USD' },
        { amount: 40, unit: 'credits' },
      ]),
      listed: [],
    },
    { model: 'test', ended: { completed: 1 }, charged: [], listed: [] },
  ]);
  expect(yesterday).toMatchObject({ date: '2027-01-14', models: [{ ended: { canceled: 1 } }] });
  expect(before).toEqual({ date: '2027-01-13', models: [] });
});

test('a late success is counted beside the end, and charged once', async () => {
  const { usage } = setup();
  const [silent, told] = [ended(RECORDS.timed_out), ended(RECORDS.timed_out, credits(8))];
  await usage.ended([silent, told]);
  const late = [silent, told].map(({ id }) => ended(RECORDS.completed, { id, ...credits(8) }));
  for (const _ of [1, 2]) await usage.ended(late);
  // Whoever was in the middle of telling the first end tells it again.
  await usage.ended([silent]);
  expect((await usage.lastDays('acme', 1, NOW))[0]?.models).toMatchObject([
    { ended: { timed_out: 2 }, late: 2, charged: [{ amount: 16, unit: 'credits' }] },
  ]);
});

test('what was asked for is counted on its day, and all of it is gone after 36 days', async () => {
  const { usage, redis, keys } = setup();
  const asked = [newRecord(), newRecord(), newRecord({ createdAt: NOW - DAY_MS })];
  await Promise.all(asked.map(usage.asked));
  const days = await usage.lastDays('acme', 2, NOW);
  expect(days.map(({ models }) => models[0]?.asked)).toEqual([2, 1]);
  const one = ended(RECORDS.completed);
  await usage.ended([one]);
  const ttl = await redis.pttl(keys.usage('acme', '2027-01-15'));
  expect(ttl).toBeGreaterThan(35 * DAY_MS);
  expect(ttl).toBeLessThanOrEqual(36 * DAY_MS);
  expect(await redis.pttl(keys.counted(one.id))).toBeGreaterThan(RETENTION_MS - 60_000);
});

test('nothing to count asks Redis nothing, and a name that looks like a field is none', async () => {
  const { usage, contents } = setup();
  await usage.ended([]);
  expect(await contents()).toEqual([]);
  await usage.ended([ended(RECORDS.completed, { model: '","ended","failed' })]);
  expect((await usage.lastDays('acme', 1, NOW))[0]?.models).toMatchObject([
    { model: '","ended","failed', ended: { completed: 1 } },
  ]);
});
