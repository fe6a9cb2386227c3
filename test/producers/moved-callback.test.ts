import { Queue } from 'bullmq';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { createEnqueue } from '../../src/producers/enqueue.ts';
import { createQueueSet } from '../../src/producers/queue-set.ts';
import { eventOf } from '../support/callback-events.ts';
import { connectTestRedis } from '../support/redis.ts';

test('a callback is moved once, however often a crash has it moved again; with the tries left to it', async () => {
  const { redis, keys, close } = connectTestRedis();
  onTestFinished(close);
  const log = pino({ level: 'silent' });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  onTestFinished(queues.close);
  const { movedCallback } = createEnqueue(queues);
  const event = eventOf('shop');
  const job = { v: 1, event, callbackUrl: 'https://shop.example.com/hook' } as const;
  const to = { lane: 'slow', delayMs: 60_000, tries: 3, stays: true } as const;
  for (let i = 0; i < 2; i++) await movedCallback(job, to);
  const queue = new Queue(queueNames.subscriber('callback-slow'), {
    connection: redis,
    prefix: keys.prefix,
  });
  onTestFinished(() => queue.close());
  const [moved, ...others] = await queue.getDelayed();
  expect(others).toEqual([]);
  expect(moved?.data).toEqual({ ...job, moved: { times: 1, tries: 3, stays: true } });
  expect(moved?.opts).toMatchObject({ attempts: 9, delay: 60_000 });

  const back = { lane: 'fast', delayMs: 0, tries: 30, stays: false } as const;
  await movedCallback(moved?.data, back);
  await movedCallback(moved?.data, { ...back, lane: 'slow' });
  const counts = await queues.get(queueNames.subscriber('callback')).getJobCounts();
  expect(counts['waiting']).toBe(1);
  const [again] = await queue.getWaiting();
  expect(again?.opts.attempts).toBe(1);
});
