import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Logger } from '../../src/config/log.ts';
import { queueNames } from '../../src/config/queues.ts';
import type { Generation } from '../../src/generation/generation.ts';
import { createQueueSet } from '../../src/producers/queue-set.ts';
import type { Keys } from '../../src/store/keys.ts';
import { decodeRecord } from '../../src/store/record-format.ts';
import type { JobKind } from './model-redis.ts';
import { FIRST_ID } from './world.ts';

export const PROVIDER = 'acme';
export const SUBSCRIBER = 'app';

const QUEUE_OF: Readonly<Record<JobKind, string>> = {
  submit: queueNames.submit(PROVIDER),
  'look-up': queueNames.submit(PROVIDER),
  cancel: queueNames.submit(PROVIDER),
  round: queueNames.poll(PROVIDER),
  completions: queueNames.completions,
  subscriber: queueNames.subscriber(SUBSCRIBER),
};
const Answer = z.tuple([z.string(), z.string(), z.array(z.string()), z.array(z.array(z.string()))]);
/** KEYS: record, its two schedules, the failed sets. ARGV: generation, pattern of the jobs' keys. */
const LOOK = `
local failed = {}
for n = 4, #KEYS do failed[n - 3] = redis.call('ZRANGE', KEYS[n], 0, -1) end
return {
  redis.call('GET', KEYS[1]) or '',
  redis.call('ZSCORE', KEYS[2], ARGV[1]) or redis.call('ZSCORE', KEYS[3], ARGV[1]) or '',
  redis.call('KEYS', ARGV[2]),
  failed,
}`;
const QUEUES = [...new Set(Object.values(QUEUE_OF))];

/** What the real Redis holds of the one generation. */
export interface Held {
  readonly record: Generation | undefined;
  readonly due: number | undefined;
  /** `queue:id` of every job there is, done ones that are kept included. */
  readonly jobs: ReadonlySet<string>;
  /** Of those, the ones that failed for good. */
  readonly dead: ReadonlySet<string>;
}

/** A Redis of one's own, looked at and handled as workers and operators would. */
export function createRealRedis({ redis, keys, log }: { redis: Redis; keys: Keys; log: Logger }) {
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: true, log });
  const at = (queue: string, what: string) => `${keys.prefix}:${queue}:${what}`;
  const placeOf = (job: string): [queue: string, id: string] => {
    const end = job.indexOf(':');
    return [job.slice(0, end), job.slice(end + 1)];
  };

  /** The record as it was when it was last looked at, and what it says. */
  let text = '';
  let generation: Generation | undefined;

  return {
    queues,
    queueOf: (kind: JobKind): string => QUEUE_OF[kind],

    async look(id: string): Promise<Held> {
      const failed = QUEUES.map((queue) => at(queue, 'failed'));
      const schedules = [keys.checks(PROVIDER), keys.owed(PROVIDER)];
      const places = [keys.record(id), ...schedules, ...failed];
      const answer = await redis.eval(LOOK, places.length, ...places, id, at('*', '*'));
      const [record, due, found, dead] = Answer.parse(answer);
      if (record !== text) {
        text = record;
        generation = record ? decodeRecord(record) : undefined;
      }
      return {
        record: generation,
        due: due === '' ? undefined : Number(due),
        jobs: new Set(found.flatMap(jobAt)),
        dead: new Set(dead.flatMap((ids, n) => ids.map((one) => `${QUEUES[n]}:${one}`))),
      };
    },

    /** It is done, and its id free again. */
    async remove(job: string): Promise<void> {
      const [queue, id] = placeOf(job);
      await queues.get(queue).remove(id);
    },

    /** As a worker leaves it whose last try failed. */
    async failForGood(job: string): Promise<void> {
      const [queue, id] = placeOf(job);
      await redis
        .multi()
        .lrem(at(queue, 'wait'), 0, id)
        .zrem(at(queue, 'delayed'), id)
        .zadd(at(queue, 'failed'), Date.now(), id)
        .exec();
    },

    async runAgain(job: string): Promise<void> {
      const [queue, id] = placeOf(job);
      await (await queues.get(queue).getJob(id))?.retry('failed');
    },
  };

  /** The job that a key is of: those of BullMQ's own have words for their last part. */
  function jobAt(key: string): string[] {
    const [queue = '', id = ''] = placeOf(key.slice(keys.prefix.length + 1));
    const isJob =
      QUEUES.includes(queue) && /^\d+$|^(submit|turn|look-up|cancel|round|notify)-/.test(id);
    return isJob ? [`${queue}:${id}`] : [];
  }
}

/** Ids are of one generation in the model, and of all in the real queues. */
export function ownName(id: string): string {
  if (id === 'cancel') return `cancel-${FIRST_ID}`;
  return id.replace(/^(submit|look-up)-/, `$1-${FIRST_ID}-`);
}

export type RealRedis = ReturnType<typeof createRealRedis>;
