import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { runWorker } from '../../../src/workers/engine/run-worker.ts';
import { startWatch } from '../../../src/workers/liveness/watch.ts';
import { createLatch } from '../../support/latch.ts';
import { startOwnRedis } from '../../support/own-redis.ts';
import { NO_REPLICAS, OUT_OF_MEMORY, READ_ONLY } from '../../support/redis-faults.ts';
import { until } from '../../support/until.ts';

/** A worker with a job that does not end, one more waiting, and the watch of its process. */
async function setup() {
  const own = await startOwnRedis();
  const connection = new Redis(own.url, { maxRetriesPerRequest: null });
  connection.on('error', () => undefined);
  const queue = new Queue('stage', { connection, prefix: '{w}' });
  const clock = { now: Date.now() };
  const now = (): number => clock.now;
  const log = pino({ level: 'silent' });
  const end = createLatch();
  let taken = 0;
  const worker = runWorker(
    {
      queue: 'stage',
      payload: z.object({ v: z.literal(1) }),
      process: async () => {
        taken += 1;
        await end.opened;
        return undefined;
      },
      concurrency: 1,
      longestMs: 30_000,
    },
    { connection, prefix: '{w}', log, now },
  );
  const tick = { lastSeenAt: now };
  const writeCheckKey = '{w}:write-check';
  const watch = startWatch({ tick, redis: connection, workers: [worker], writeCheckKey, log, now });
  onTestFinished(async () => {
    await own.cure();
    end.open();
    watch.stop();
    await worker.stop(2_000);
    await queue.close();
    connection.disconnect();
    await own.stop();
  });
  for (let jobs = 0; jobs < 2; jobs++) await queue.add('stage', { v: 1 });
  await until('a job is under way', () => taken === 1);
  return { own, clock, watch };
}

test.each([READ_ONLY, OUT_OF_MEMORY, NO_REPLICAS])(
  'a Redis that takes no writes ($says) is no wedge, however long; a job that does not end afterwards is',
  async (fault) => {
    const { own, clock, watch } = await setup();
    const over = await fault.begin(own);
    for (let looks = 0; looks < 10; looks++) {
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
