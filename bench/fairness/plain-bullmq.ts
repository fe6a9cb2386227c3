import { setTimeout as wait } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Cleanup } from '../../rig/cleanup.ts';
import { createRandom } from '../../rig/random.ts';
import { redisTarget } from '../../src/config/redis.ts';
import { monotonicMs } from '../clock.ts';
import { type Case, WARM_UP_S } from './cases.ts';
import type { Served } from './compare.ts';
import { busyMs, judge, type Measured, windowOf } from './measure.ts';

/** `line`: a job's priority is its place in its tenant's own line. */
export type PlainOrder = 'fifo' | 'line';

/** The same load through one BullMQ queue with the same limit, and a provider that is a timer. */
export async function measurePlain(
  one: Case,
  order: PlainOrder,
  options: { readonly redisUrl: string; readonly seconds: number; readonly queue: string },
  cleanup: Cleanup,
): Promise<Measured> {
  const { redisUrl, seconds } = options;
  const connection = new Redis(redisTarget(redisUrl), { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  const random = createRandom(one.work.seed, 'tasks');
  const submitted: [string, number][] = [];
  const done: [string, number][] = [];
  const waiting = new Map<string, number>();
  const { submits, running } = one.limits;
  const queue = new Queue<{ tenant: string }>(options.queue, { connection });
  const worker = new Worker<{ tenant: string }>(
    options.queue,
    async ({ name, data: { tenant } }) => {
      submitted.push([name, monotonicMs()]);
      waiting.set(tenant, (waiting.get(tenant) ?? 0) - 1);
      await wait(random.between(...one.work.taskMs));
      done.push([name, monotonicMs()]);
    },
    {
      connection,
      concurrency: running ?? one.perSecond,
      limiter: { max: submits.max, duration: submits.perMs },
    },
  );
  worker.on('error', () => {});
  cleanup.add(async () => {
    await Promise.all([worker.close(true), queue.close()]);
    connection.disconnect();
  });
  await worker.waitUntilReady();

  const startedAt = monotonicMs();
  const requests = one.load.map(async ({ tenant, atMs }, n) => {
    await wait(Math.max(startedAt + atMs - monotonicMs(), 0));
    const place = (waiting.get(tenant) ?? 0) + 1;
    waiting.set(tenant, place);
    const more = order === 'line' ? { priority: place } : {};
    await queue.add(`${tenant}-${n}`, { tenant }, { removeOnComplete: true, ...more });
    return { tenant, name: `${tenant}-${n}`, atMs: monotonicMs() };
  });
  const [accepted] = await Promise.all([Promise.all(requests), wait((WARM_UP_S + seconds) * 1000)]);
  const sent = new Map(submitted);
  const served = accepted.map(
    ({ tenant, name, atMs }): Served => ({ tenant, atMs, sentAtMs: sent.get(name) }),
  );
  const window = windowOf(startedAt, seconds);
  return judge(one, served, window, busyMs({ submitted, done }, window));
}
