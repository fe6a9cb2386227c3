import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { CompletionEvent } from '../../src/generation/jobs.ts';
import { createEnqueue } from '../../src/producers/enqueue.ts';
import { createQueueSet } from '../../src/producers/queue-set.ts';
import { CALLBACK } from '../../src/store/subscribers.ts';
import { newRecord } from '../generation/fixtures.ts';
import type { Pipeline } from './pipeline.ts';

/** Owes callbacks in a pipeline, without the generations that they are about. */
export function callbackEvents({ redis, keys }: Pick<Pipeline, 'redis' | 'keys'>) {
  const log = pino({ level: 'silent' });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  onTestFinished(queues.close);
  const enqueue = createEnqueue(queues);

  /** @returns the events' ids, in order. */
  return async (tenant: string, callbackUrl: string, count = 1): Promise<string[]> => {
    const events = Array.from({ length: count }, () => eventOf(tenant));
    await Promise.all(events.map((event) => enqueue.subscriber(CALLBACK, event, callbackUrl)));
    return events.map(({ id }) => id);
  };
}

export function eventOf(tenant: string): CompletionEvent {
  const { id, provider, model } = newRecord();
  const timestamp = new Date().toISOString();
  return {
    id: `evt_${randomUUID()}`,
    type: 'generation.completed',
    timestamp,
    data: {
      ...{ generationId: id, tenant, provider, model },
      ...{ outcome: 'completed', results: [], reason: null, metadata: null },
      timings: { createdAt: timestamp, submittedAt: null, finishedAt: timestamp },
    },
  };
}
