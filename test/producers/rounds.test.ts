import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/config/log.ts';
import { queueNames, ROUND_SLOT_MS } from '../../src/config/queues.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import type { CompletionItem } from '../../src/generation/jobs.ts';
import { createEnqueue } from '../../src/producers/enqueue.ts';
import { createQueueSet } from '../../src/producers/queue-set.ts';
import { createRounds } from '../../src/producers/rounds.ts';
import { namespaceIn, redisUrl } from '../http/setup.ts';
import { aGeneration } from './a-generation.ts';

async function setup(nowMs = Date.now()) {
  const { redis, keys } = await namespaceIn(redisUrl(), `test-${randomBytes(8).toString('hex')}`);
  const log = createLogger('silent');
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  onTestFinished(() => queues.close());
  const jobsOf = (name: string) => queues.get(name).getJobs();
  const rounds = createRounds(queues, () => nowMs);
  return { redis, queues, rounds, nowMs, jobsOf, enqueue: createEnqueue(queues) };
}

const POLL = queueNames.poll('fashn');
/** The end of a slot that is well ahead. */
const slotAfter = (nowMs: number, ms: number): number =>
  Math.ceil((nowMs + ms) / ROUND_SLOT_MS) * ROUND_SLOT_MS;

test('a slot gets one round, at its end, however often and by whomever it is asked for', async () => {
  const { rounds, queues, jobsOf, nowMs } = await setup();
  const end = slotAfter(nowMs, 5_000);
  const elsewhere = createRounds(queues, () => nowMs);
  await Promise.all([1, 100, 249].map((ms) => rounds.ensure('fashn', end - ms)));
  await elsewhere.ensure('fashn', end - 50);
  const jobs = await jobsOf(POLL);
  expect(jobs.map((job) => job.timestamp + job.delay - end)).toEqual([expect.any(Number)]);
  expect(jobs[0]?.delay).toBe(end - nowMs);
});

test('another slot, and another provider, gets a round of its own', async () => {
  const { rounds, jobsOf, nowMs } = await setup();
  const end = slotAfter(nowMs, 5_000);
  await rounds.ensure('fashn', end);
  await rounds.ensure('fashn', end + 1);
  await rounds.ensure('fitinview', end);
  expect(await jobsOf(POLL)).toHaveLength(2);
  expect(await jobsOf(queueNames.poll('fitinview'))).toHaveLength(1);
});

test('a slot that is remembered costs nothing', async () => {
  const { rounds, queues, jobsOf, nowMs } = await setup();
  const end = slotAfter(nowMs, 5_000);
  await rounds.ensure('fashn', end);
  await queues.get(POLL).obliterate({ force: true });
  await rounds.ensure('fashn', end);
  expect(await jobsOf(POLL)).toEqual([]);
});

test('what is due already gets a round now, each time: a running one may have looked before', async () => {
  const { rounds, jobsOf, nowMs } = await setup();
  await rounds.ensure('fashn', nowMs);
  await rounds.ensure('fashn', nowMs - 10_000);
  const jobs = await jobsOf(POLL);
  expect(jobs.map((job) => job.delay)).toEqual([0, 0]);
});

test('submitting the same step twice is one job; after a refusal it is another', async () => {
  const { enqueue, jobsOf } = await setup();
  const generation = aGeneration();
  await Promise.all([enqueue.submit(generation, 0), enqueue.submit(generation, 500)]);
  await enqueue.submit(generation, 0);
  await enqueue.lookUp(generation);
  await enqueue.lookUp(generation);
  const queue = queueNames.submit('fashn');
  expect((await jobsOf(queue)).map((job) => job.name).sort()).toEqual(['look-up', 'submit']);
  await enqueue.submit({ ...generation, refusals: 1 }, 0);
  expect(await jobsOf(queue)).toHaveLength(3);
});

test('what happened in one turn travels as one job of at most a hundred; alone means alone', async () => {
  const { enqueue, jobsOf } = await setup();
  const items = Array.from({ length: 150 }, (): CompletionItem => {
    return { id: newGenerationId(Date.now()), event: { type: 'cancel' } };
  });
  await Promise.all(items.map(enqueue.completion));
  const sizes = async (): Promise<number[]> =>
    (await jobsOf(queueNames.completions)).map(({ data }) => data.items.length).sort();
  expect(await sizes()).toEqual([100, 50]);
  await Promise.all(items.slice(0, 2).map(enqueue.completionAlone));
  expect(await sizes()).toEqual([1, 1, 100, 50]);
});
