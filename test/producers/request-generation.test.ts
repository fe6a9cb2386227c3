import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../src/config/log.ts';
import { createEnqueue } from '../../src/producers/enqueue.ts';
import { createQueueSet } from '../../src/producers/queue-set.ts';
import { createRequestGeneration } from '../../src/producers/request-generation.ts';
import { createTurnsHeard } from '../../src/producers/turns-heard.ts';
import { createMemoryBrake } from '../../src/store/memory-brake.ts';
import { createStore } from '../../src/store/store.ts';
import { createTurns } from '../../src/store/turns.ts';
import { NO_TURNS } from '../support/no-turns.ts';
import { connectTestRedis, type TestRedis } from '../support/redis.ts';

let testRedis: TestRedis;
beforeAll(() => {
  testRedis = connectTestRedis();
});
afterAll(() => testRedis.close());

const REQUEST = { provider: 'acme', model: 'dress', input: {} };

async function setup() {
  const { redis, keys } = testRedis;
  const log = createLogger('silent');
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  const enqueue = createEnqueue(queues);
  const heard = createTurnsHeard(enqueue, log);
  onTestFinished(heard.settled);
  const { onTurns } = heard;
  const turnParts = { ...NO_TURNS, onTurns };
  const store = createStore({
    redis,
    keys,
    retentionMs: 60_000,
    matchedByTask: new Set(),
    ...turnParts,
  });
  const turns = createTurns({ redis, keys, store, ...turnParts });
  const request = createRequestGeneration({
    store,
    turns,
    onTurns,
    limitsOf: () => ({
      ...{ requestsPerSecond: 1_000, burst: 1_000, mostWaiting: 1_000, mostInFlight: 1_000 },
      ...{ weight: 1, providers: {} },
    }),
    memoryBrake: createMemoryBrake({
      redis,
      keys,
      providers: new Map([['acme', {}]]),
      share: 0.8,
      log,
    }),
    providers: new Map([['acme', { models: { dress: { input: z.strictObject({}) } } }]]),
    publicUrl: undefined,
    allowInsecureUrls: true,
    maxQueuedMs: 60_000,
    now: Date.now,
  });
  return { request, enqueue, heard, turns, queue: queues.get('submit-acme'), redis, keys };
}

test.each([
  ['no tenant', {}, 'tenant'],
  ['a tenant that is no name', { tenant: 'x y:}' }, 'tenant'],
  ['a tenant that is no text', { tenant: 5 }, 'tenant'],
  ['a key that is no text', { tenant: 'shop', idempotencyKey: 5 }, 'Idempotency-Key'],
])('a caller with %s is refused, and nothing is recorded', async (_, who, field) => {
  const { request, redis, keys } = await setup();
  const before = await redis.keys(`${keys.records}*`);
  // Callers from plain JavaScript are not held by types.
  const refused = request(REQUEST, who as { tenant: string });
  await expect(refused).rejects.toMatchObject({ code: 'invalid_request', problems: [{ field }] });
  expect(await redis.keys(`${keys.records}*`)).toEqual(before);
});

test('a submit job that failed for good makes room when the schedule issues it again', async () => {
  const { request, enqueue, heard, turns, queue, redis, keys } = await setup();
  const { generation } = await request(REQUEST, { tenant: 'shop' });
  await heard.settled();
  const turn = await turns.enter(generation);
  const given = turn ? [turn] : [];
  const id = `turn-${generation.id}-${turn?.at}`;
  // What a worker does to a job that it gives up, as BullMQ stores it.
  await redis.lrem(`${keys.prefix}:submit-acme:wait`, 0, id);
  await redis.zadd(`${keys.prefix}:submit-acme:failed`, Date.now(), id);

  await enqueue.turns(given);
  expect(await queue.getWaitingCount()).toBe(0);
  await enqueue.turns(given, true);
  expect(await queue.getWaitingCount()).toBe(1);
  expect(await queue.getFailedCount()).toBe(0);
});

test('a search that failed for good makes room for the next one', async () => {
  const { request, enqueue, queue, redis, keys } = await setup();
  const { generation } = await request(REQUEST, { tenant: 'shop' });
  await enqueue.lookUp(generation);
  const id = `look-up-${generation.id}-0-0`;
  await redis.lrem(`${keys.prefix}:submit-acme:wait`, 0, id);
  await redis.zadd(`${keys.prefix}:submit-acme:failed`, Date.now(), id);

  await enqueue.lookUp(generation);
  const waiting = await queue.getJobs(['waiting']);
  expect(waiting.map((job) => job.id)).toContain(id);
  expect(await queue.getFailedCount()).toBe(0);
});

test('the job of a turn that waits is not added a second time', async () => {
  const { request, enqueue, heard, turns, queue } = await setup();
  const { generation } = await request(REQUEST, { tenant: 'shop' });
  await heard.settled();
  const before = await queue.getWaitingCount();
  const turn = await turns.enter(generation);
  await enqueue.turns(turn ? [turn] : [], true);
  expect(await queue.getWaitingCount()).toBe(before);
});

test('whoever asks again with the same key makes sure of the submit job, and of only one', async () => {
  const { request, heard, turns, queue } = await setup();
  const from = { tenant: 'shop', idempotencyKey: 'asked-again' };
  const { generation } = await request(REQUEST, from);
  await heard.settled();
  const id = `turn-${generation.id}-${(await turns.enter(generation))?.at}`;
  // As if Redis had gone away between the record and the job.
  await queue.remove(id);
  for (const _ of [1, 2]) {
    expect(await request(REQUEST, from)).toMatchObject({ created: false, generation });
  }
  await heard.settled();
  const waiting = await queue.getJobs(['waiting']);
  expect(waiting.filter((job) => job.id === id)).toHaveLength(1);
});

test('a repeat whose generation is past its retention is refused, and nothing is begun anew', async () => {
  const { request, redis, keys } = await setup();
  const from = { tenant: 'shop', idempotencyKey: 'long ago' };
  const { generation } = await request(REQUEST, from);
  await redis.del(keys.record(generation.id));
  const before = await redis.keys(`${keys.records}*`);
  const refused = await request(REQUEST, from).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'generation_no_longer_kept' });
  expect(String(refused)).toContain(generation.id);
  const other = request({ ...REQUEST, metadata: { order: 2 } }, from);
  await expect(other).rejects.toMatchObject({ code: 'idempotency_conflict' });
  expect(await redis.keys(`${keys.records}*`)).toEqual(before);
});
