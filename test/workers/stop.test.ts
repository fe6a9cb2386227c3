import { expect, onTestFinished, test } from 'vitest';
import { createLatch } from '../support/latch.ts';
import { setupPipeline } from '../support/pipeline.ts';
import { startProgram } from '../support/programs.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';

const SHUTDOWN_MS = 2_000;

/** An app with a handler that is at work and does not end, on a Redis that can go away. */
async function setup() {
  const proxy = await startRedisProxy();
  onTestFinished(() => proxy.close());
  const pipeline = await setupPipeline();
  const app = await pipeline.connect({
    REDIS_URL: proxy.url,
    SHUTDOWN_MS: String(SHUTDOWN_MS),
  });
  const begun = createLatch();
  const end = createLatch();
  onTestFinished(end.open);
  await app.onCompletion('slow', async () => {
    begun.open();
    await end.opened;
  });
  await app.startWorkers();
  await pipeline.request('fashn');
  await begun.opened;
  return { app, proxy };
}

async function tookMs(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

test('an app whose handler does not end closes within SHUTDOWN_MS all the same', async () => {
  const { app } = await setup();
  expect(await tookMs(app.close())).toBeLessThan(SHUTDOWN_MS);
});

test('an app closes within SHUTDOWN_MS while Redis is away and a handler is at work', async () => {
  const { app, proxy } = await setup();
  await proxy.cut();
  expect(await tookMs(app.close())).toBeLessThan(SHUTDOWN_MS);
});

test('an app closes within SHUTDOWN_MS while Redis stands still and a handler is at work', async () => {
  const { app, proxy } = await setup();
  proxy.freeze();
  expect(await tookMs(app.close())).toBeLessThan(SHUTDOWN_MS);
});

test.each(['is there', 'is away', 'stands still'] as const)(
  'an app that closed while Redis %s ends by itself: nothing of ours keeps it',
  async (when) => {
    const proxy = await startRedisProxy();
    onTestFinished(() => proxy.close());
    const { env, request } = await setupPipeline({ workers: false });
    const app = startProgram('test/workers/fixtures/app-that-closes', {
      env: { ...env, REDIS_URL: proxy.url, SHUTDOWN_MS: String(SHUTDOWN_MS) },
    });
    // Then its workers are all connected.
    await request('fashn');
    await app.line(/^notified$/);
    if (when === 'is away') await proxy.cut();
    if (when === 'stands still') proxy.freeze();
    process.kill(app.pid, 'SIGUSR2');
    await app.line(/^closed$/);
    expect(await app.ended).toBe(0);
  },
  30_000,
);
