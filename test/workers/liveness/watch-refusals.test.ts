import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { NO_REPLICAS, OUT_OF_MEMORY, READ_ONLY } from '../../../rig/redis/redis-faults.ts';
import { startOwnRedis } from '../../support/own-redis.ts';
import { until } from '../../support/until.ts';
import { startWatchedWorker } from '../../support/watched-worker.ts';

/** A worker with a job that does not end, one more waiting, and the watch of its process. */
async function setup() {
  const own = await startOwnRedis();
  const connection = new Redis(own.url, { maxRetriesPerRequest: null });
  connection.on('error', () => undefined);
  const queue = new Queue('stage', { connection, prefix: '{w}' });
  const stage = { endless: true, concurrency: 1, longestMs: 30_000 };
  const watched = startWatchedWorker({ connection, prefix: '{w}' }, stage);
  onTestFinished(async () => {
    await own.cure();
    await watched.stop(2_000);
    await queue.close();
    connection.disconnect();
    await own.stop();
  });
  for (let jobs = 0; jobs < 2; jobs++) await queue.add('stage', { v: 1 });
  await until('a job is under way', () => watched.taken() === 1);
  return { own, ...watched };
}

test.each([READ_ONLY, OUT_OF_MEMORY, NO_REPLICAS])(
  'a Redis that takes no writes ($says) is no wedge, however long; a job that does not end afterwards is',
  async (fault) => {
    const { own, clock, watch } = await setup();
    const over = await fault.begin(own);
    for (let checks = 0; checks < 10; checks++) {
      await watch.check();
      clock.now += 15_000;
      expect(watch.problems()).toEqual([]);
    }
    await watch.check();
    await over();
    await until('it takes writes again', () => own.admin.set('{w}:any', '1').catch(() => false));
    expect(watch.problems()).toEqual([]);
    clock.now += 30_001;
    await watch.check();
    expect(watch.problems()).toEqual(['stage: a job does not end']);
  },
);
