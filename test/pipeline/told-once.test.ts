import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { completionEvent } from '../../src/generation/completion-event.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import type { CompletionEvent } from '../../src/generation/jobs.ts';
import { createEnqueue } from '../../src/producers/enqueue.ts';
import { createQueueSet } from '../../src/producers/queue-set.ts';
import { runSubscriber } from '../../src/workers/engine/run-subscriber.ts';
import { RECORDS } from '../generation/fixtures.ts';
import { connectTestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const anEvent = () => completionEvent({ ...RECORDS.completed, id: newGenerationId(Date.now()) });

test('after 1,500 later completions an event that is queued again is still told only once', async () => {
  const { redis, keys, close } = connectTestRedis(undefined, { maxRetriesPerRequest: null });
  const log = pino({ level: 'silent' });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  const enqueue = createEnqueue(queues);
  const told: CompletionEvent[] = [];
  const shared = { connection: redis, prefix: keys.prefix, log, now: Date.now };
  const tell = async ({ event }: { event: unknown }) => void told.push(event as CompletionEvent);
  const worker = runSubscriber('orders', tell, shared);
  onTestFinished(async () => {
    await worker.stop();
    await queues.close();
    await close();
  });

  const first = anEvent();
  await enqueue.subscriber('orders', first);
  await until('the first is told', () => told.length === 1);
  const later = Array.from({ length: 1_500 }, () => anEvent());
  await Promise.all(later.map((event) => enqueue.subscriber('orders', event)));
  await until('the later ones are told', () => told.length === 1_501, 60_000);

  // As the schedule does when a worker died before it noted that all were told.
  await enqueue.subscriber('orders', first);
  const last = anEvent();
  await enqueue.subscriber('orders', last);
  await until('whatever came after it is told', () => told.some(({ id }) => id === last.id));
  const queue = queues.get(queueNames.subscriber('orders'));
  await until('nothing is left', async () => (await queue.getActiveCount()) === 0);
  expect(told.filter(({ id }) => id === first.id)).toHaveLength(1);
}, 90_000);
