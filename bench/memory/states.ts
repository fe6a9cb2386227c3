import { setTimeout as wait } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Cleanup } from '../../rig/cleanup.ts';
import type { Say } from '../../rig/run-tool.ts';
import type { Child } from '../../rig/start-process.ts';
import { queueNames } from '../../src/config/queues.ts';
import { connectCatwalk } from '../../src/index.ts';
import { StubReport, SubscriberReport } from '../messages.ts';
import { dataBytes } from '../redis-cost.ts';
import type { Stack } from '../stack.ts';
import { ask, untilIs } from './asking.ts';

export interface BytesEach {
  readonly what: string;
  readonly bytes: number;
  readonly note: string;
}

/** Until what follows a step is written, and Redis has let go of its buffers. */
const SETTLE_MS = 2_000;
const PATIENCE_MS = 300_000;
/** A subscriber's own. */
const REFUSES = 'refuses';

/** One after the other, what each generation takes in each state, by what Redis says it uses. */
export async function measureStates(
  stack: Stack,
  cleanup: Cleanup,
  count: number,
  say: Say,
): Promise<BytesEach[]> {
  const { redis, keys, provider } = stack;
  const submits = openQueue(stack, cleanup, queueNames.submit('fitinview'));
  const subscriber = await stack.startSubscriber();
  const told = (): Promise<SubscriberReport> =>
    subscriber.ask({ expect: count }, SubscriberReport, PATIENCE_MS);
  // What is made once is there before anything is counted.
  await Promise.all([ask(stack, count, 'warm-up'), told()]);
  await wait(SETTLE_MS);
  let before = await dataBytes(redis);
  const more = async (): Promise<number> => {
    await wait(SETTLE_MS);
    return ((await dataBytes(redis)) - before) / count;
  };

  say(`${count} generations that wait to be sent`);
  await clearDone(stack, cleanup);
  await wait(SETTLE_MS);
  before = await dataBytes(redis);
  await submits.pause();
  await ask(stack, count, 'measured');
  const queued = await more();

  say('the same, submitted');
  await provider.ask('hold', StubReport);
  const submitsBefore = (await provider.ask('report', StubReport)).submits;
  await provider.ask('hold', StubReport);
  await submits.resume();
  await untilIs('all are submitted', async () => {
    const report = await provider.ask('hold', StubReport);
    return report.submits - submitsBefore >= count;
  });
  const submitted = await more();

  say('the same, completed and told');
  await Promise.all([told(), provider.ask('release', StubReport)]);
  const justTold = await more();
  await clearDone(stack, cleanup);
  const kept = await more();
  const once = await meanBytes(redis, `${keys.prefix}:once:*`);

  say('dead letters');
  const dead = await measureDead(stack, cleanup, subscriber, count);
  return [
    { what: 'waiting to be sent', bytes: queued, note: 'record, idempotency entry, submit job' },
    {
      what: 'submitted',
      bytes: submitted,
      note: 'record, idempotency entry, place in the schedule',
    },
    {
      what: 'just told',
      bytes: justTold,
      note: 'the same with its result, and one subscriber’s done job',
    },
    { what: 'completed, kept until retention', bytes: kept, note: 'record, idempotency entry' },
    { what: '  of this the idempotency entry', bytes: once, note: 'until 24 h after the end' },
    { what: 'dead letter', bytes: dead, note: 'a job that a subscriber refused for good' },
  ];
}

/** @returns bytes of each job in the failed set, its place in it included. */
async function measureDead(
  stack: Stack,
  cleanup: Cleanup,
  subscriber: Child,
  count: number,
): Promise<number> {
  const { redis, keys } = stack;
  const app = await connectCatwalk({ ...stack.env, LOG_LEVEL: 'silent' });
  cleanup.add(() => app.close());
  await app.onCompletion(REFUSES, () => {
    throw Object.assign(new Error('This order is none of ours.'), { name: 'UnrecoverableError' });
  });
  const told = subscriber.ask({ expect: count }, SubscriberReport, PATIENCE_MS);
  await Promise.all([ask(stack, count, 'dead'), told]);
  const queue = openQueue(stack, cleanup, queueNames.subscriber(REFUSES));
  await untilIs('all are dead', async () => (await queue.getFailedCount()) >= count);
  const place = ((await redis.memory('USAGE', queue.toKey('failed'), 'SAMPLES', 0)) ?? 0) / count;
  return place + (await meanBytes(redis, `${keys.prefix}:${queue.name}:notify-*`));
}

/** What is only kept against repeats, or to be looked at. */
async function clearDone(stack: Stack, cleanup: Cleanup): Promise<void> {
  for (const name of [queueNames.completions, queueNames.subscriber('bench')]) {
    await openQueue(stack, cleanup, name).clean(0, 0, 'completed');
  }
}

/** Of every key that matches, as Redis says, its name included. */
async function meanBytes(redis: Redis, match: string): Promise<number> {
  let sum = 0;
  let count = 0;
  for await (const keys of redis.scanStream({ match, count: 1_000 })) {
    // scanStream's chunks are lists of keys.
    const sizes = (keys as string[]).map((key) => redis.memory('USAGE', key, 'SAMPLES', 0));
    for (const bytes of await Promise.all(sizes)) sum += bytes ?? 0;
    count += sizes.length;
  }
  return sum / count;
}

function openQueue({ redis, keys }: Stack, cleanup: Cleanup, name: string): Queue {
  const queue = new Queue(name, { connection: redis, prefix: keys.prefix });
  queue.on('error', () => {});
  cleanup.add(() => queue.close());
  return queue;
}
