import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { queueNames } from '../../src/config/queues.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { encodeRecord } from '../../src/store/record-format.ts';
import { runWorker } from '../../src/workers/engine/run-worker.ts';
import { RECORDS } from '../generation/fixtures.ts';
import { API_KEY, type Pipeline, setupPipeline } from '../support/pipeline.ts';
import { connectTestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

/** More often than any queue tries a job, and than a job may be taken over from lost workers. */
const MANY_TIMES = 30;
const QUEUES = [
  queueNames.submit('fitinview'),
  queueNames.poll('fitinview'),
  queueNames.completions,
  queueNames.subscriber('recorder'),
];

/** What was put back is due at once, so that a long deploy takes a moment. */
async function setup() {
  const pipeline = await setupPipeline({ workers: false });
  pipeline.advanceClock(-3_600_000);
  const workers = await pipeline.startWorkers();
  return { ...pipeline, workers };
}

async function jobOf(pipeline: Pick<Pipeline, 'queue'>, queueName: string) {
  const job = await pipeline.queue(queueName).getJob('job-new');
  if (!job) throw new Error(`the job of ${queueName} is gone`);
  return job;
}

test('a job of a newer version goes back however long the deploy takes, and a worker that knows it does it', async () => {
  const pipeline = await setup();
  const { redis, keys } = pipeline;
  // The library's own worker for `recorder` has no clock of ours, and puts its job back for seconds.
  const bouncing = QUEUES.slice(0, 3);
  for (const name of QUEUES) {
    await pipeline.queue(name).add('new', { v: 9, something: 'new' }, { jobId: 'job-new' });
  }
  await until('each has been put back many times', async () => {
    const jobs = await Promise.all(bouncing.map((name) => jobOf(pipeline, name)));
    return jobs.every(({ attemptsStarted }) => attemptsStarted > MANY_TIMES);
  });
  await until('the subscriber’s has been put back', () =>
    pipeline.queue(queueNames.subscriber('recorder')).getDelayedCount(),
  );
  await pipeline.workers.stop();
  await pipeline.catwalk.close();
  for (const name of QUEUES) {
    expect((await jobOf(pipeline, name)).attemptsMade, name).toBe(0);
    expect(await redis.hget(`${keys.prefix}:${name}:job-new`, 'stc'), name).toBeNull();
    expect(await pipeline.queue(name).getFailedCount(), name).toBe(0);
  }
  const said = pipeline.lines.filter(({ msg }) => msg === 'left to another process');
  expect(said.map(({ queue }) => queue).sort()).toEqual([...bouncing].sort());

  const done: string[] = [];
  const client = connectTestRedis(undefined, { maxRetriesPerRequest: null });
  onTestFinished(client.close);
  const shared = {
    connection: client.redis,
    prefix: keys.prefix,
    log: pino({ level: 'silent' }),
    now: Date.now,
  };
  for (const queue of QUEUES) {
    const newer = runWorker(
      {
        queue,
        payload: z.object({ v: z.literal(9), something: z.string() }),
        versions: [9],
        process: async ({ something }) => {
          done.push(`${queue} ${something}`);
          return undefined;
        },
        concurrency: 1,
      },
      shared,
    );
    onTestFinished(() => newer.stop());
  }
  await until('all are done', () => done.length === QUEUES.length);
  expect(done.sort()).toEqual(QUEUES.map((queue) => `${queue} new`).sort());
});

test('a record of a newer format is neither changed nor lost by older processes', async () => {
  const pipeline = await setup();
  const { redis, keys } = pipeline;
  const id = newGenerationId(Date.now());
  const dueAt = Date.now() - 3_700_000;
  const asOldOnesWrite = encodeRecord({
    ...RECORDS.submitted,
    id,
    provider: 'fitinview',
    model: 'tryon',
    tenant: 'acme',
    dueAt,
  });
  const newer = asOldOnesWrite.replace('{', '{"format":3,"added":true,');
  await redis.set(keys.record(id), newer);
  await redis.zadd(keys.checks('fitinview'), dueAt, id);
  const other = await pipeline.request('fashn');
  const completions = pipeline.queue(queueNames.completions);
  const cancel = { type: 'cancel' };
  await completions.add('completions', {
    v: 1,
    items: [
      { id, event: cancel },
      { id: other, event: cancel },
    ],
  });

  // The other one of the same job is not held up.
  await pipeline.untilFinal(other);
  const said = (msg: string) => pipeline.lines.some((line) => line.msg === msg);
  await until('a round has left it alone', () => said('records left to newer processes'));
  await until('its completion has been left alone', () => said('left to another process'));
  const answer = await fetch(`${pipeline.web.url}/v1/generations/${id}`, {
    headers: { authorization: `Bearer ${API_KEY}` },
  });
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).not.toBeNull();
  expect(await redis.get(keys.record(id))).toBe(newer);
  expect(Number(await redis.zscore(keys.checks('fitinview'), id))).toBeGreaterThan(dueAt);
  expect(await pipeline.failedJobs()).toBe(0);

  // As newer code would, it is dealt with by whoever can read it.
  await redis.set(keys.record(id), asOldOnesWrite);
  expect(await pipeline.untilFinal(id)).toMatchObject({ status: 'canceled' });
  expect(await pipeline.failedJobs()).toBe(0);
});
