import { expect, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import type { CompletionEvent } from '../../src/generation/jobs.ts';
import { PROVIDERS, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const ids = (events: readonly CompletionEvent[]): string[] =>
  events.map((event) => event.data.generationId).sort();

test('a subscriber that throws is called again with the same event', async () => {
  const pipeline = await setupPipeline();
  const calls: CompletionEvent[] = [];
  const app = await pipeline.connect();
  await app.onCompletion('orders', async (event) => {
    calls.push(event);
    if (calls.length === 1) throw new Error('the database is away');
  });
  const id = await pipeline.request('fitinview');
  await until('it is called again', () => calls.length === 2);
  expect(calls[1]).toStrictEqual(calls[0]);
  expect(ids(calls)).toEqual([id, id]);
  // The trouble of one is not the trouble of another.
  expect(pipeline.eventsOf(id)).toHaveLength(1);
  expect(await pipeline.queue(queueNames.subscriber('orders')).getFailedCount()).toBe(0);
});

test('a subscriber that is away gets its events when it is back', async () => {
  const pipeline = await setupPipeline();
  const before = await pipeline.connect();
  await before.onCompletion('orders', () => {
    throw new Error('nothing has happened yet');
  });
  await before.close();

  const asked = await Promise.all(PROVIDERS.map((provider) => pipeline.request(provider)));
  await pipeline.untilSettled(asked);
  const events: CompletionEvent[] = [];
  const after = await pipeline.connect();
  await after.onCompletion('orders', (event) => {
    events.push(event);
  });
  await until('it has caught up', () => events.length === 2);
  expect(ids(events)).toEqual([...asked].sort());
});

test('two processes that register one name share its events', async () => {
  const pipeline = await setupPipeline();
  const events: CompletionEvent[] = [];
  for (const app of [await pipeline.connect(), await pipeline.connect()]) {
    await app.onCompletion('orders', (event) => {
      events.push(event);
    });
  }
  const asked = await Promise.all(Array.from({ length: 20 }, () => pipeline.request('fitinview')));
  await pipeline.untilSettled(asked);
  await until('all are notified', () => events.length >= 20);
  expect(ids(events)).toEqual([...asked].sort());
});

test('a removed subscriber is not notified any more, and the others are', async () => {
  const pipeline = await setupPipeline();
  const app = await pipeline.connect();
  const events: CompletionEvent[] = [];
  await app.onCompletion('orders', (event) => {
    events.push(event);
  });
  await app.removeSubscriber('orders');
  const id = await pipeline.request('fitinview');
  await pipeline.untilSettled([id]);
  expect(events).toEqual([]);
  expect(pipeline.eventsOf(id)).toHaveLength(1);
});

test('a generation asked for through the library is the same as one asked for over HTTP', async () => {
  const pipeline = await setupPipeline({ workers: false });
  const app = await pipeline.connect();
  await app.startWorkers();
  const body = pipeline.bodyOf('fashn');
  const asked = { ...body, tenant: 'acme', idempotencyKey: 'order-17' };
  const first = await app.requestGeneration(asked);
  const again = await app.requestGeneration(asked);
  expect([first.created, again.created]).toEqual([true, false]);
  expect(again.generation.id).toBe(first.generation.id);
  const [shown] = await pipeline.untilSettled([first.generation.id]);
  expect(shown?.status).toBe('completed');
  expect(await app.getGeneration(first.generation.id)).toMatchObject({ state: 'completed' });
  expect(pipeline.book('fashn').accepted).toHaveLength(1);
  expect(pipeline.events).toHaveLength(1);
});

test('a subscriber that a process runs is noted as served', async () => {
  const { redis, keys, connect } = await setupPipeline({ workers: false });
  const before = Date.now();
  const app = await connect();
  await app.onCompletion('orders', () => undefined);
  expect(Number(await redis.hget(keys.subscribersServed, 'orders'))).toBeGreaterThanOrEqual(before);
});

test('for a subscriber that nobody runs any more nothing is queued beyond its bound, and the others are told', async () => {
  const pipeline = await setupPipeline({ workers: false });
  const { redis, keys, lines } = pipeline;
  await redis.sadd(keys.subscribers, 'abandoned');
  await redis.hset(keys.subscribersServed, 'abandoned', Date.now() - 2 * 3_600_000);
  const queue = pipeline.queue(queueNames.subscriber('abandoned'));
  await queue.addBulk(Array.from({ length: 10 }, () => ({ name: 'event', data: {} })));
  await pipeline.startWorkers({ DEAD_LETTERS: '10', SUBSCRIBER_ABANDONED_MS: '3600000' });
  await until('it is told about', () => lines.some(({ subscriber }) => subscriber === 'abandoned'));
  const id = await pipeline.request('fitinview');
  await pipeline.untilSettled([id]);
  expect(pipeline.eventsOf(id)).toHaveLength(1);
  expect(await queue.getWaitingCount()).toBe(10);
});
