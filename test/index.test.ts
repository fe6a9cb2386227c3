import { randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../src/config/log.ts';
import {
  CannotStart,
  type CompletionEvent,
  connectCatwalk,
  InvalidRequest,
  InvalidSettings,
  type ProviderModule,
} from '../src/index.ts';
import { namespaceIn, REQUEST, redisUrl, SECRET } from './http/setup.ts';
import { startRedisProxy } from './support/redis-proxy.ts';

const REQUESTED = { ...REQUEST, tenant: 'shop' };

async function setup(changes: Readonly<Record<string, string>> = {}) {
  const namespace = `test-${randomBytes(8).toString('hex')}`;
  const world = await namespaceIn(redisUrl(), namespace);
  const env = {
    REDIS_URL: redisUrl(),
    REDIS_NAMESPACE: namespace,
    CATWALK_SECRET: SECRET,
    FASHN_API_KEY: 'fa-key-of-fashn',
    // Nobody listens there: no test of ours calls a real provider.
    FASHN_BASE_URL: 'http://127.0.0.1:1',
    ...changes,
  };
  const catwalk = await connectCatwalk(env, { log: createLogger('silent') });
  onTestFinished(() => catwalk.close());
  const queue = (name: string): Queue => {
    const opened = new Queue(name, { connection: world.redis, prefix: world.keys.prefix });
    onTestFinished(() => opened.close());
    return opened;
  };
  return { ...world, catwalk, queue };
}

async function rejectionOf(call: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const startedAt = performance.now();
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, tookMs: performance.now() - startedAt };
}

test('what is asked for right after connecting is recorded, queued and can be read', async () => {
  const { catwalk, queue } = await setup();
  const { generation, created } = await catwalk.requestGeneration(REQUESTED);
  expect(created).toBe(true);
  expect(await catwalk.getGeneration(generation.id)).toEqual(generation);
  expect(await queue('submit-fashn').count()).toBe(1);
  expect(await catwalk.getGeneration('gen_01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBeUndefined();
});

test('the same idempotency key and request make one generation; another request is refused', async () => {
  const { catwalk, queue } = await setup();
  const once = { ...REQUESTED, idempotencyKey: 'order-7' };
  const first = await catwalk.requestGeneration(once);
  const again = await catwalk.requestGeneration(once);
  expect(again).toEqual({ generation: first.generation, created: false });
  const { error } = await rejectionOf(catwalk.requestGeneration({ ...once, metadata: { a: 1 } }));
  expect(error).toMatchObject({ code: 'idempotency_conflict' });
  expect(await queue('submit-fashn').count()).toBe(1);
});

test('a wrong request is refused by field, and a wrong setting by name', async () => {
  const { catwalk, redis, keys } = await setup();
  const { error } = await rejectionOf(catwalk.requestGeneration({ ...REQUESTED, model: 'none' }));
  expect(error).toBeInstanceOf(InvalidRequest);
  expect(error).toMatchObject({ code: 'unknown_model', problems: [{ field: 'model' }] });
  expect(await redis.exists(keys.owed('fashn'))).toBe(0);
  const unset = await rejectionOf(connectCatwalk({ PORT: 'abc' }));
  expect(unset.error).toBeInstanceOf(InvalidSettings);
  expect(String(unset.error)).toMatch(/REDIS_URL[\s\S]*PORT/);
});

test('a cancel is queued; what cannot be an id is refused before it meets others’ events', async () => {
  const { catwalk, queue } = await setup();
  const { generation } = await catwalk.requestGeneration(REQUESTED);
  const [good, bad] = await Promise.all([
    catwalk.cancelGeneration(generation.id),
    rejectionOf(catwalk.cancelGeneration('nonsense')),
  ]);
  expect(good).toBeUndefined();
  expect(bad.error).toMatchObject({ code: 'invalid_id' });
  const jobs = await queue('completions').getJobs();
  expect(jobs.map((job) => job.data.items)).toEqual([
    [{ id: generation.id, event: { type: 'cancel' } }],
  ]);
});

test('a subscriber is told of a completion by any process, until it is removed', async () => {
  const { catwalk, redis, keys } = await setup();
  const told: CompletionEvent[] = [];
  const first = new Promise<void>((resolve) => {
    void catwalk.onCompletion('orders', (event) => {
      told.push(event);
      resolve();
    });
  });
  await catwalk.startWorkers();
  const { generation } = await catwalk.requestGeneration({
    ...REQUESTED,
    metadata: { order: 'ü-7' },
  });
  await catwalk.cancelGeneration(generation.id);
  await first;
  expect(told).toHaveLength(1);
  expect(told[0]?.data).toMatchObject({ generationId: generation.id, metadata: { order: 'ü-7' } });
  expect(await redis.smembers(keys.subscribers)).toEqual(['orders']);
  await catwalk.removeSubscriber('orders');
  expect(await redis.smembers(keys.subscribers)).toEqual([]);
});

test.each(['', 'Orders', '1st', 'a:b', 'x'.repeat(41), 'callback', 'a b'])(
  'a subscriber cannot be called %o',
  async (name) => {
    const { catwalk, redis, keys } = await setup();
    const { error } = await rejectionOf(catwalk.onCompletion(name, () => {}));
    expect(error).toMatchObject({ code: 'invalid_subscriber_name' });
    expect(await redis.exists(keys.subscribers)).toBe(0);
  },
);

test('while Redis is away calls reject soon, and work again afterwards; closing does not wait', async () => {
  const proxy = await startRedisProxy();
  onTestFinished(() => proxy.close());
  const { catwalk } = await setup({ REDIS_URL: proxy.url });
  const { generation } = await catwalk.requestGeneration(REQUESTED);
  await proxy.cut();
  for (const call of [
    () => catwalk.requestGeneration(REQUESTED),
    () => catwalk.getGeneration(generation.id),
    () => catwalk.cancelGeneration(generation.id),
    () => catwalk.removeSubscriber('orders'),
  ]) {
    const { error, tookMs } = await rejectionOf(call());
    expect(error).toBeInstanceOf(Error);
    expect(tookMs).toBeLessThan(2_500);
  }
  const startedAt = performance.now();
  await catwalk.close();
  expect(performance.now() - startedAt).toBeLessThan(2_500);
});

test('connecting while Redis is away succeeds soon, and calls reject until it is there', async () => {
  const proxy = await startRedisProxy({ reachable: false });
  onTestFinished(() => proxy.close());
  const { catwalk } = await setup({ REDIS_URL: proxy.url });
  const { error, tookMs } = await rejectionOf(catwalk.requestGeneration(REQUESTED));
  expect(error).toBeInstanceOf(Error);
  expect(tookMs).toBeLessThan(2_500);
});

test('a provider that is handed over wrongly is refused by its field, before anything starts', async () => {
  const wrong = { name: 'No Name', create: () => Promise.reject(new Error('never called')) };
  const { error } = await rejectionOf(
    // As a caller without types would.
    connectCatwalk({ REDIS_URL: redisUrl() }, { providers: [wrong as unknown as ProviderModule] }),
  );
  expect(error).toBeInstanceOf(InvalidSettings);
  expect(String(error)).toMatch(/providers\.0\.name: takes 1-40/);
});

test('workers and handlers that start while Redis is away wait for it, until closing ends that', async () => {
  const proxy = await startRedisProxy({ reachable: false });
  onTestFinished(() => proxy.close());
  const { catwalk } = await setup({ REDIS_URL: proxy.url });
  const working = catwalk.startWorkers();
  const listening = catwalk.onCompletion('orders', () => {});
  await proxy.mend();
  await Promise.all([working, listening]);

  const away = await startRedisProxy({ reachable: false });
  onTestFinished(() => away.close());
  const other = await setup({ REDIS_URL: away.url });
  const waiting = [
    rejectionOf(other.catwalk.startWorkers()),
    rejectionOf(other.catwalk.onCompletion('orders', () => {})),
  ];
  await other.catwalk.close();
  for (const { error } of await Promise.all(waiting)) expect(error).toBeInstanceOf(CannotStart);
});

test('closing while workers are about to start leaves none of them running', async () => {
  const proxy = await startRedisProxy();
  onTestFinished(() => proxy.close());
  const changes = { FITROOM_API_KEY: 'fr-key', FITROOM_BASE_URL: 'http://127.0.0.1:1' };
  const { catwalk } = await setup({ ...changes, REDIS_URL: proxy.url });
  const last = proxy.holdFrom('submit-fitroom:meta');
  const started = rejectionOf(catwalk.startWorkers());
  await last.reached;
  await catwalk.close();
  expect((await started).error).toBeInstanceOf(Error);
  await expect.poll(() => proxy.connections()).toBe(0);
});
