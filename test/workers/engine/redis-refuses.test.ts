import { Queue } from 'bullmq';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { OUT_OF_MEMORY, PRIMARY_DOWN } from '../../../rig/redis/redis-faults.ts';
import { createSchedule } from '../../../src/store/schedule.ts';
import { runWorker } from '../../../src/workers/engine/run-worker.ts';
import { startTick } from '../../../src/workers/liveness/tick.ts';
import { createLatch } from '../../support/latch.ts';
import { startOwnRedis } from '../../support/own-redis.ts';
import { connectTestRedis } from '../../support/redis.ts';
import { setupStoreOnOwnRedis } from '../../support/store.ts';
import { until } from '../../support/until.ts';

/** One job with two attempts, at work when Redis runs out of memory, that has something to store. */
async function setup(waitsForRedis: boolean) {
  const own = await startOwnRedis();
  const { redis, keys, another, close } = connectTestRedis(own.url, { maxRetriesPerRequest: null });
  const queue = new Queue('stage', { connection: redis, prefix: keys.prefix });
  const begun = createLatch();
  let runs = 0;
  const worker = runWorker(
    {
      queue: 'stage',
      payload: z.object({ v: z.literal(1) }),
      process: async () => {
        runs += 1;
        await begun.opened;
        await redis.set(`${keys.prefix}:stored`, 'yes');
        return undefined;
      },
      concurrency: 1,
      ...(waitsForRedis && { waitsForRedis: true as const }),
    },
    { connection: another(), prefix: keys.prefix, log: pino({ level: 'silent' }), now: Date.now },
  );
  onTestFinished(async () => {
    await own.cure();
    await worker.stop();
    await queue.close();
    await close();
    await own.stop();
  });
  const opts = { attempts: 2, backoff: { type: 'fixed', delay: 10 } };
  const { id = '' } = await queue.add('stage', { v: 1 }, opts);
  await until('it is at work', () => runs === 1);
  const end = await OUT_OF_MEMORY.begin(own);
  begun.open();
  return { queue, id, runs: () => runs, end };
}

test('a job of ours that Redis refuses spends no attempt, and is done when Redis takes it', async () => {
  const { queue, id, runs, end } = await setup(true);
  await until('it has run more often than it has attempts', () => runs() > 2);
  await end();
  await until('it is done', async () => (await queue.getJobState(id)) === 'completed');
  expect((await queue.getJob(id))?.attemptsMade).toBe(1);
});

test('a subscriber’s job whose handler was refused by a Redis spends an attempt, as with any other trouble', async () => {
  const { queue, id, runs } = await setup(false);
  await until('it has failed', async () => (await queue.getJobState(id)) === 'failed');
  expect(runs()).toBe(2);
});

test('a refusal is an answer to the tick too: a Redis in trouble is no reason to restart a worker', async () => {
  const { own, redis, keys } = await setupStoreOnOwnRedis();
  const log = pino({ level: 'silent' });
  const rounds = { ensure: async () => undefined };
  const schedule = createSchedule({ redis, keys });
  await PRIMARY_DOWN.begin(own);
  const parts = { providers: ['fashn'], redis, schedule, rounds, now: Date.now, log };
  const startedAt = Date.now();
  const tick = startTick(parts);
  onTestFinished(tick.stop);
  await expect(schedule.earliest(['fashn'])).rejects.toThrow('MASTERDOWN');
  await until('the tick was answered', () => tick.lastSeenAt() > startedAt + 1_000);
});
