import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

test('workers that start while Redis is out of memory wait, and work as soon as it is not', async () => {
  const own = await startEmbeddedRedis({ log: () => undefined });
  onTestFinished(own.stop);
  const admin = new Redis(own.url.replace('unix://', ''));
  onTestFinished(() => admin.disconnect());
  const pipeline = await setupPipeline({ redisUrl: own.url, workers: false });
  const id = await pipeline.request('fashn');

  await admin.config('SET', 'maxmemory', 1);
  let isGivenUp = false;
  const starting = pipeline.startWorkers().catch((error: unknown) => {
    isGivenUp = true;
    throw error;
  });
  await until(
    'they have been refused',
    () => isGivenUp || pipeline.lines.some(({ msg }) => msg === 'Redis takes no writes; waiting'),
  );
  expect(isGivenUp).toBe(false);
  await admin.config('SET', 'maxmemory', 0);
  await starting;
  await pipeline.untilSettled([id]);
  expect(pipeline.book('fashn').accepted).toHaveLength(1);
});
