import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GenerationEvent } from '../../src/generation/events.ts';
import { createMailbox } from '../../src/store/mailbox.ts';
import { createStore } from '../../src/store/store.ts';
import { newRecord, RECORDS } from '../generation/fixtures.ts';
import { NO_TURNS } from '../support/no-turns.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(async () => {
  testRedis = await connectTestRedis();
});
afterAll(() => testRedis.close());

const completed: GenerationEvent = {
  type: 'observed-final',
  source: 'webhook',
  taskId: '42',
  outcome: { verdict: 'completed', results: [] },
};

function setup() {
  const { redis, keys } = testRedis;
  const matchedByTask = new Set(['vtryon']);
  const store = createStore({
    redis,
    keys,
    retentionMs: 60_000,
    matchedByTask,
    ...NO_TURNS,
  });
  return { redis, keys, store, mailbox: createMailbox({ redis, keys }) };
}

async function submitted(provider: string, taskId: string) {
  const { store } = setup();
  const record = newRecord({ provider });
  await store.create(record);
  const { id } = record;
  return { ...RECORDS.submitted, id, version: 0, provider, task: { id: taskId } };
}

test('a delivery before the submit answer is parked, and handed to whoever saves that task', async () => {
  const { store, mailbox } = setup();
  expect(await mailbox.match('vtryon', 'early-1', completed)).toBeUndefined();
  const record = await submitted('vtryon', 'early-1');
  expect(await store.save(record)).toMatchObject({ saved: true, parked: [completed] });
});

test('a delivery after the submit answer finds its generation', async () => {
  const { store, mailbox } = setup();
  const record = await submitted('vtryon', 'late-1');
  expect(await store.save(record)).toMatchObject({ saved: true, parked: [] });
  expect(await mailbox.match('vtryon', 'late-1', completed)).toBe(record.id);
});

test('a foreign delivery expires by itself, and only the newest few are kept', async () => {
  const { redis, keys, mailbox } = setup();
  for (let i = 0; i < 30; i++) await mailbox.match('vtryon', 'foreign', completed);
  const key = keys.parked('vtryon', 'foreign');
  expect(await redis.llen(key)).toBe(20);
  expect(await redis.pttl(key)).toBeGreaterThan(0);
});

test('the same task id at another provider is another task', async () => {
  const { store, mailbox } = setup();
  const record = await submitted('vtryon', 'shared');
  await store.save(record);
  expect(await mailbox.match('other', 'shared', completed)).toBeUndefined();
});

test('providers whose deliveries name the generation pay nothing for the mailbox', async () => {
  const { redis, keys, store } = setup();
  const record = await submitted('fashn', 'plain');
  await store.save(record);
  expect(await redis.exists(keys.task('fashn', 'plain'))).toBe(0);
});

test('a parked delivery of a shape that is not known any more is passed over', async () => {
  const { redis, keys, store } = setup();
  await redis.rpush(keys.parked('vtryon', 'odd'), '{"type":"from-the-future"}');
  const record = await submitted('vtryon', 'odd');
  expect(await store.save(record)).toMatchObject({ saved: true, parked: [] });
});
