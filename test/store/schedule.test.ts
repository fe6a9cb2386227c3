import { expect, test } from 'vitest';
import type { InState } from '../../src/generation/generation.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { createSchedule } from '../../src/store/schedule.ts';
import { NOW, newRecord, RECORDS } from '../generation/fixtures.ts';
import { setupStore } from '../support/store.ts';

const LIMITS = { now: NOW, leaseMs: 10_000, most: 100, pollsPerSecond: 100 };

function submittedAt(dueAt: number): InState<'submitted'> {
  return { ...RECORDS.submitted, id: newGenerationId(NOW), version: 0, dueAt };
}

/** A schedule on keys of its own, with a way to fill it. */
function setup() {
  const { redis, keys, another, store } = setupStore();
  const schedule = createSchedule({ redis, keys });
  const rival = createSchedule({ redis: another(), keys });
  const add = async (...dueTimes: number[]): Promise<InState<'submitted'>[]> => {
    const records = dueTimes.map((dueAt) => submittedAt(dueAt));
    await Promise.all(records.map((record) => store.create(record)));
    return records;
  };
  return { redis, keys, store, schedule, rival, add };
}

test('a taker gets what is due, earliest first, and nothing that is not', async () => {
  const { schedule, add } = setup();
  const [second, first] = await add(NOW, NOW - 5, NOW + 1);
  const take = await schedule.takeDue('fashn', LIMITS);
  expect(take.due).toStrictEqual([first, second]);
  expect(take.unreadable).toBe(0);
});

test('what is taken is nobody else’s until the lease is over', async () => {
  const { schedule, rival, add, redis, keys } = setup();
  const [record] = await add(NOW);
  await schedule.takeDue('fashn', LIMITS);
  expect(await redis.zscore(keys.checks('fashn'), record?.id ?? '')).toBe(String(NOW + 10_000));
  const during = await rival.takeDue('fashn', { ...LIMITS, now: NOW + 9_999 });
  expect(during).toEqual({ due: [], nextAt: NOW + 10_000, unreadable: 0, newer: 0 });
  const after = await rival.takeDue('fashn', { ...LIMITS, now: NOW + 10_000 });
  expect(after.due).toStrictEqual([record]);
});

test('two takers at once never get the same generation, and together get all', async () => {
  const { schedule, rival, add } = setup();
  const records = await add(...Array.from({ length: 50 }, () => NOW));
  const takes = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      (i % 2 ? schedule : rival).takeDue('fashn', { ...LIMITS, most: 7 }),
    ),
  );
  const taken = takes.flatMap((take) => take.due.map((record) => record.id));
  expect(taken).toHaveLength(50);
  expect(new Set(taken)).toEqual(new Set(records.map((record) => record.id)));
});

test('a save during the lease says when it is due next', async () => {
  const { schedule, store, add } = setup();
  await add(NOW);
  const [record] = (await schedule.takeDue('fashn', LIMITS)).due;
  if (!record) throw new Error('nothing taken');
  await store.save({ ...record, dueAt: NOW + 3_000 } as typeof record);
  expect(await schedule.earliest(['fashn'])).toEqual([NOW + 3_000]);
});

test('a taker gets at most as many as it asks for, and is to look again now', async () => {
  const { schedule, add } = setup();
  await add(NOW - 3, NOW - 2, NOW - 1);
  const take = await schedule.takeDue('fashn', { ...LIMITS, most: 2 });
  expect(take.due).toHaveLength(2);
  expect(take.nextAt).toBe(NOW - 1);
});

test('the schedule of one provider says nothing about another', async () => {
  const { schedule, add } = setup();
  await add(NOW);
  expect(await schedule.takeDue('kling', LIMITS)).toEqual({
    due: [],
    nextAt: undefined,
    unreadable: 0,
    newer: 0,
  });
});

test('a taker learns when to look again', async () => {
  const { schedule, add } = setup();
  const nextAt = async (limits: Partial<typeof LIMITS> = {}) =>
    (await schedule.takeDue('fashn', { ...LIMITS, ...limits })).nextAt;

  expect(await nextAt(), 'nothing scheduled').toBeUndefined();
  await add(NOW + 5_000);
  expect(await nextAt(), 'one is due later').toBe(NOW + 5_000);
  await add(NOW);
  expect(await nextAt(), 'one taken, one later').toBe(NOW + 5_000);
  expect(await nextAt({ now: NOW + 5_000 }), 'all taken').toBe(NOW + 10_000);
});

test('a taker that has used up the poll budget learns when the next poll is free', async () => {
  const { schedule, add } = setup();
  await add(NOW, NOW, NOW, NOW, NOW);
  const limits = { ...LIMITS, pollsPerSecond: 4 };
  const first = await schedule.takeDue('fashn', limits);
  expect(first.due).toHaveLength(4);
  expect(first.nextAt).toBe(NOW + 250);
  expect(await schedule.takeDue('fashn', { ...limits, now: NOW + 249 })).toEqual({
    due: [],
    nextAt: NOW + 250,
    unreadable: 0,
    newer: 0,
  });
  const then = await schedule.takeDue('fashn', { ...limits, now: NOW + 250 });
  expect(then.due).toHaveLength(1);
  expect(then.nextAt).toBe(NOW + 10_000);
});

test('an exhausted budget does not hide that the rest is due later anyway', async () => {
  const { schedule, add } = setup();
  await add(NOW, NOW + 700);
  const take = await schedule.takeDue('fashn', { ...LIMITS, pollsPerSecond: 1 });
  expect(take.nextAt).toBe(NOW + 700);
});

test('a budget below one a second still lets one through, and then counts', async () => {
  const { schedule, add } = setup();
  await add(NOW, NOW);
  const limits = { ...LIMITS, pollsPerSecond: 0.5 };
  const first = await schedule.takeDue('fashn', limits);
  expect(first.due).toHaveLength(1);
  expect(first.nextAt).toBe(NOW + 2_000);
  expect((await schedule.takeDue('fashn', { ...limits, now: NOW + 1_999 })).due).toEqual([]);
  expect((await schedule.takeDue('fashn', { ...limits, now: NOW + 2_000 })).due).toHaveLength(1);
});

/** Two processes look again and again for ten seconds; answers when each poll was taken. */
async function simulate(rate: number, skewMs: number): Promise<number[]> {
  const { schedule, rival, add } = setup();
  await add(...Array.from({ length: 300 }, () => NOW - 60_000));
  const limits = { leaseMs: 60_000, most: 100, pollsPerSecond: rate };
  const takenAt: number[] = [];
  for (let ms = 0; ms < 10_000; ms += 50) {
    const [behind, ahead] = [NOW + ms - skewMs, NOW + ms];
    const takes = await Promise.all([
      schedule.takeDue('fashn', { ...limits, now: ahead }),
      rival.takeDue('fashn', { ...limits, now: behind }),
    ]);
    for (const take of takes) for (const _ of take.due) takenAt.push(ms);
  }
  return takenAt;
}

test.each([
  ['the same clock', 0],
  ['clocks 200 ms apart', 200],
])('two processes with %s never exceed the poll budget, and use it up', async (_, skewMs) => {
  const rate = 10;
  const takenAt = await simulate(rate, skewMs);
  for (const start of new Set(takenAt)) {
    for (const spanMs of [50, 1_000, 5_000]) {
      const within = takenAt.filter((ms) => ms >= start && ms < start + spanMs).length;
      expect(within).toBeLessThanOrEqual(rate + (rate * spanMs) / 1_000);
    }
  }
  expect(takenAt.length).toBeLessThanOrEqual(rate + rate * 10);
  expect(takenAt.length).toBeGreaterThanOrEqual(rate * 10 - 1);
});

test('a taker whose clock is behind does not make the same moments count twice', async () => {
  const { schedule, rival, add } = setup();
  await add(...Array.from({ length: 60 }, () => NOW - 60_000));
  const limits = { leaseMs: 60_000, most: 1, pollsPerSecond: 10 };
  let taken = 0;
  for (let i = 0; i < 30; i++) {
    taken += (await schedule.takeDue('fashn', { ...limits, now: NOW })).due.length;
    taken += (await rival.takeDue('fashn', { ...limits, now: NOW - 1_000 })).due.length;
  }
  expect(taken).toBe(10);
});

test('a budget that nobody used for long is one second’s worth and not more', async () => {
  const { schedule, add } = setup();
  await add(...Array.from({ length: 60 }, () => NOW));
  const limits = { ...LIMITS, pollsPerSecond: 10 };
  await schedule.takeDue('fashn', limits);
  const later = await schedule.takeDue('fashn', { ...limits, now: NOW + 9_000 });
  expect(later.due).toHaveLength(10);
});

test('looking when nothing is due costs no budget', async () => {
  const { schedule, redis, keys } = setup();
  await schedule.takeDue('fashn', LIMITS);
  expect(await redis.exists(keys.pollBudget('fashn'))).toBe(0);
});

test('an unused budget is not kept in Redis for ever', async () => {
  const { schedule, redis, keys, add } = setup();
  await add(NOW);
  await schedule.takeDue('fashn', LIMITS);
  expect(await redis.pttl(keys.pollBudget('fashn'))).toBeGreaterThan(0);
});

test('a record that cannot be read is counted and stays leased; the others are taken', async () => {
  const { schedule, redis, keys, add } = setup();
  const [newer, good] = await add(NOW - 1, NOW);
  await redis.set(keys.record(newer?.id ?? ''), '1\n{"state":"from the future"}');
  const take = await schedule.takeDue('fashn', LIMITS);
  expect(take).toEqual({ due: [good], nextAt: NOW + 10_000, unreadable: 1, newer: 0 });
  expect(await redis.zcard(keys.checks('fashn'))).toBe(2);
});

test('a record that is gone leaves the schedule, costs no budget and is not counted', async () => {
  const { schedule, redis, keys, add } = setup();
  const [gone, good] = await add(NOW - 1, NOW);
  await redis.del(keys.record(gone?.id ?? ''));
  const limits = { ...LIMITS, most: 1, pollsPerSecond: 1 };
  const take = await schedule.takeDue('fashn', limits);
  expect(take).toMatchObject({ due: [good], unreadable: 0, newer: 0 });
  expect(await redis.zcard(keys.checks('fashn'))).toBe(1);
});

test('under a scarce budget those come first that are said to be done, then those that expire', async () => {
  const { schedule, store } = setup();
  const [long, soon, said] = [
    { ...submittedAt(NOW - 9), deadlineAt: NOW + 60_000 },
    { ...submittedAt(NOW - 5), deadlineAt: NOW + 1_000 },
    { ...submittedAt(NOW - 1), deadlineAt: NOW + 90_000, hintedAt: NOW - 1 },
  ];
  for (const one of [long, soon, said]) await store.create(one);
  const { due } = await schedule.takeDue('fashn', { ...LIMITS, pollsPerSecond: 2 });
  expect(due.map(({ id }) => id)).toEqual([said.id, soon.id]);
});

test('what else is owed spends no poll budget, and waits for none', async () => {
  const { schedule, store, add, redis, keys } = setup();
  await add(NOW, NOW);
  const queued = newRecord({ dueAt: NOW });
  await store.create(queued);
  const limits = { ...LIMITS, pollsPerSecond: 1 };
  const { due } = await schedule.takeDue('fashn', limits);
  expect(due.map(({ state }) => state).sort()).toEqual(['queued', 'submitted']);
  expect(await redis.get(keys.pollBudget('fashn'))).toBe(`0.000 ${NOW}`);
});

test('a Redis that forgot our script is given it again', async () => {
  const { schedule, redis, add } = setup();
  await add(NOW);
  await redis.script('FLUSH');
  expect((await schedule.takeDue('fashn', LIMITS)).due).toHaveLength(1);
});

test('the earliest due time is answered per provider, in the order asked', async () => {
  const { schedule, store, add } = setup();
  await add(NOW + 9, NOW + 3);
  await store.create(newRecord({ provider: 'kling', dueAt: NOW - 1 }));
  expect(await schedule.earliest(['kling', 'nobody', 'fashn'])).toEqual([
    NOW - 1,
    undefined,
    NOW + 3,
  ]);
  expect(await schedule.earliest([])).toEqual([]);
});
