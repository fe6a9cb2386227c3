import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { DONE_JOBS_KEPT_S, queueNames } from '../../../src/config/queues.ts';
import { createQueueSet } from '../../../src/producers/queue-set.ts';
import { createServedTimes } from '../../../src/store/served-times.ts';
import { createSubscribers } from '../../../src/store/subscribers.ts';
import { tendBacklog } from '../../../src/workers/liveness/tend-backlog.ts';
import { startOwnRedis } from '../../support/own-redis.ts';
import { connectTestRedis } from '../../support/redis.ts';

const HOUR = 3_600_000;

async function setup(url?: string) {
  const { redis, keys, close } = connectTestRedis(url);
  const lines: { msg: string; [field: string]: unknown }[] = [];
  const log = pino({ level: 'warn' }, { write: (text) => lines.push(JSON.parse(text)) });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const subscribers = createSubscribers({ redis, keys });
  await subscribers.register('orders');
  const settings = { DEAD_LETTERS: 10, SUBSCRIBER_ABANDONED_MS: HOUR };
  const backlog = tendBacklog({
    ...{ redis, keys, queues, subscribers, now, log },
    // Only these two of all the settings are read.
    settings: settings as Parameters<typeof tendBacklog>[0]['settings'],
  });
  // The one that it begins with.
  await backlog.check();
  onTestFinished(async () => {
    backlog.stop();
    await queues.close();
    await close();
  });
  const queue = queues.get(queueNames.subscriber('orders'));
  const add = async (count: number, bytes = 100) => {
    const job = { name: 'event', data: { filler: 'x'.repeat(bytes) } };
    const jobs = await queue.addBulk(Array.from({ length: count }, () => job));
    return jobs.flatMap(({ id }) => id ?? []);
  };
  return {
    ...{ redis, keys, queue, backlog, add, subscribers: backlog.subscribers },
    served: createServedTimes({ redis, keys, now }),
    /** As BullMQ leaves jobs that ended then. */
    end: async (ids: readonly string[], how: 'failed' | 'completed', at = Date.now() - 1_000) => {
      for (const [i, id] of ids.entries()) {
        await redis.lrem(queue.toKey('wait'), 0, id);
        await redis.zadd(queue.toKey(how), at + i, id);
      }
    },
    /** By another process, or later. */
    check: async () => {
      await redis.del(keys.backlogLease);
      await backlog.check();
    },
    advance: (ms: number) => {
      ahead += ms;
    },
    errors: () => lines.filter(({ level }) => level === 50),
    lines,
  };
}

test('of too many dead letters the oldest are dropped, with an error that says whose and how many', async () => {
  const { queue, add, end, check, errors } = await setup();
  const ids = await add(25);
  await end(ids, 'failed');
  await check();
  const left = await queue.getRanges(['failed'], 0, -1, true);
  expect(left).toEqual(ids.slice(15));
  expect(await queue.getJob(ids[0] ?? '')).toBeUndefined();
  expect(errors()).toMatchObject([
    { queue: 'subscriber-orders', deadLetters: 25, dropped: 15, bytes: expect.any(Number) },
  ]);
});

test('dead letters are bounded in bytes too', async () => {
  const { queue, add, end, check, errors } = await setup();
  await end(await add(8, 16 * 1024 ** 2), 'failed');
  await check();
  expect(await queue.getFailedCount()).toBeLessThanOrEqual(4);
  expect(errors()).toHaveLength(1);
}, 30_000);

test('dead letters within their bound stay, and are told about once an hour', async () => {
  const { queue, add, end, check, lines, advance } = await setup();
  await end(await add(3), 'failed');
  await check();
  await check();
  expect(await queue.getFailedCount()).toBe(3);
  expect(lines).toMatchObject([{ level: 40, queue: 'subscriber-orders', deadLetters: 3 }]);
  advance(HOUR);
  await check();
  expect(lines.filter(({ deadLetters }) => deadLetters === 3)).toHaveLength(2);
});

test('for a subscriber that nobody runs any more nothing is queued beyond the bound, until somebody does', async () => {
  const { subscribers, served, add, check, advance, errors } = await setup();
  await check();
  await add(10);
  await check();
  expect(await subscribers.names()).toEqual(['orders']);
  advance(HOUR + 1);
  await check();
  expect(await subscribers.names()).toEqual([]);
  expect(errors()).toMatchObject([{ subscriber: 'orders', waiting: 10 }]);
  await served.note('orders');
  await check();
  expect(await subscribers.names()).toEqual(['orders']);
});

test('an abandoned subscriber below the bound still gets what it missed, and is told about', async () => {
  const { subscribers, add, check, advance, lines } = await setup();
  await check();
  await add(9);
  advance(HOUR + 1);
  await check();
  expect(await subscribers.names()).toEqual(['orders']);
  expect(lines).toMatchObject([{ level: 40, subscriber: 'orders', waiting: 9 }]);
});

test('done jobs past their time go, also where no other job is done any more', async () => {
  const { queue, add, end, check } = await setup();
  const past = await add(2);
  const recent = await add(2);
  await end(past, 'completed', Date.now() - (DONE_JOBS_KEPT_S + 5) * 1_000);
  await end(recent, 'completed');
  await check();
  expect(await queue.getRanges(['completed'], 0, -1, true)).toEqual(recent);
});

test('done jobs past their time go also from a Redis that takes nothing, which makes room', async () => {
  const own = await startOwnRedis();
  onTestFinished(own.stop);
  const { queue, add, end, backlog } = await setup(own.url);
  onTestFinished(own.cure);
  await end(await add(3), 'completed', Date.now() - (DONE_JOBS_KEPT_S + 5) * 1_000);
  await own.admin.config('SET', 'maxmemory', '1');
  await backlog.check();
  expect(await queue.getCompletedCount()).toBe(0);
});
