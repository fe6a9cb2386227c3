import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Logger, onceInAWhile } from '../config/log.ts';
import { jobOptions, readQueueName } from '../config/queues.ts';

/** All queues this process adds to, opened on first use and closed together. */
export interface QueueSet {
  get(name: string): Queue;
  close(): Promise<void>;
}

/**
 * @param options.connection stays the caller's to close.
 * @param options.failFast for web processes: an add rejects at once while Redis is away, and works
 *   again when it is back. (Without skipping both checks, a queue opened while Redis is away never
 *   answers, or never recovers; see docs/decisions.)
 */
export function createQueueSet(options: {
  connection: Redis;
  prefix: string;
  failFast: boolean;
  /** Opening a queue writes nothing, not even how much its event stream keeps. */
  leavesNoTrace?: boolean;
  log: Logger;
}): QueueSet {
  const queues = new Map<string, Queue>();
  const report = onceInAWhile((err) => options.log.warn({ err }, 'queue connection'));

  const open = (name: string): Queue => {
    const queue = new Queue(name, {
      connection: options.connection,
      prefix: options.prefix,
      skipWaitingForReady: options.failFast,
      skipVersionCheck: options.failFast,
      skipMetasUpdate: options.leavesNoTrace ?? false,
      defaultJobOptions: defaultsFor(name),
      streams: { events: { maxLen: 1_000 } },
    });
    queue.on('error', report);
    queues.set(name, queue);
    return queue;
  };

  return {
    get: (name) => queues.get(name) ?? open(name),
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

function defaultsFor(name: string): JobsOptions {
  return jobOptions[readQueueName(name)?.family ?? 'submit'];
}
