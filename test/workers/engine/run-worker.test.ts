import { Queue, UnrecoverableError } from 'bullmq';
import { ReplyError } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { Defect, InvalidRequest, Retryable, Terminal } from '../../../src/generation/errors.ts';
import { runWorker } from '../../../src/workers/engine/run-worker.ts';
import type { NotYet, Stage } from '../../../src/workers/engine/stage.ts';
import { createLatch } from '../../support/latch.ts';
import { connectTestRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

const Payload = z.object({ v: z.literal(1), n: z.number() });

const LogLine = z.object({
  level: z.number(),
  msg: z.string(),
  job: z.string().optional(),
  attempt: z.number().optional(),
  err: z.object({ message: z.string(), stack: z.string() }).optional(),
});
type LogLine = z.infer<typeof LogLine>;
const { info, warn, error } = pino.levels.values;

/** One queue with one worker of ours. */
function setup(
  process: (n: number, runs: number) => Promise<NotYet | undefined>,
  limits: Partial<Pick<Stage<unknown>, 'limiter' | 'concurrency'>> = {},
) {
  const { redis, keys, another, close } = connectTestRedis(undefined, {
    maxRetriesPerRequest: null,
  });
  const queue = new Queue('stage', { connection: redis, prefix: keys.prefix });
  let runs = 0;
  const logged: LogLine[] = [];
  const log = pino(
    { level: 'info' },
    { write: (line) => logged.push(LogLine.parse(JSON.parse(line))) },
  );
  const worker = runWorker(
    {
      queue: 'stage',
      payload: Payload,
      process: ({ n }) => {
        runs += 1;
        return process(n, runs);
      },
      concurrency: 5,
      ...limits,
    },
    { connection: another(), prefix: keys.prefix, log, now: Date.now },
  );
  onTestFinished(async () => {
    await worker.stop();
    await queue.close();
    await close();
  });
  const add = async (data: unknown, attempts = 3) => {
    const backoff = { type: 'fixed', delay: 10 };
    const job = await queue.add('stage', data, { attempts, backoff, jobId: 'job-1' });
    return job.id ?? '';
  };
  const untilState = (id: string, state: string) =>
    until(`the job is ${state}`, async () => {
      // Read after its state, or it may be older than that.
      return (await queue.getJobState(id)) === state ? queue.getJob(id) : undefined;
    });
  return { queue, worker, add, untilState, runs: () => runs, logged };
}

const throwing = (error: unknown) => async (): Promise<never> => {
  throw error;
};

test('"not yet" runs the same job again at the time asked for, and spends no attempt', async () => {
  const ranAt: number[] = [];
  const notBefore = Date.now() + 300;
  const { add, untilState } = setup(async (_n, runs) => {
    ranAt.push(Date.now());
    return runs < 3 ? { notBefore } : undefined;
  });
  const job = await untilState(await add({ v: 1, n: 1 }, 1), 'completed');
  expect(ranAt).toHaveLength(3);
  expect(ranAt[1]).toBeGreaterThanOrEqual(notBefore);
  expect(job.attemptsMade).toBe(1);
});

test.each([
  new Terminal('content_policy', 'refused'),
  new Defect('broken'),
  new InvalidRequest('invalid_request', 'wrong'),
])('what no retry can mend ends in the failed set at once: $name', async (error) => {
  const { add, untilState, runs } = setup(throwing(error));
  const job = await untilState(await add({ v: 1, n: 1 }), 'failed');
  expect(job.failedReason).toBe(`${error.code}: ${error.message}`);
  expect(runs()).toBe(1);
});

test.each([new Retryable('unavailable', 'away'), new Error('ECONNRESET')])(
  'anything else is tried again by the queue’s own attempts: %s',
  async (error) => {
    const { add, untilState, runs } = setup(async (_n, run) => {
      if (run < 3) throw error;
      return undefined;
    });
    await untilState(await add({ v: 1, n: 1 }), 'completed');
    expect(runs()).toBe(3);
  },
);

test.each([
  [new Retryable('unavailable', 'it answered', { met: 'http_503' }), 'http_503: it answered'],
  [new Error('code_like: text'), 'handler_error: code_like: text'],
  ['no error at all', 'handler_error: no error at all'],
])(
  'what the queue keeps of a job that is given up begins with a code: %s',
  async (thrown, line) => {
    const { add, untilState, runs } = setup(throwing(thrown));
    const job = await untilState(await add({ v: 1, n: 1 }), 'failed');
    expect(job.failedReason).toBe(line);
    expect(runs()).toBeGreaterThan(1);
  },
);

test.each([
  ['this copy', new UnrecoverableError('closed for the night')],
  [
    'another copy',
    Object.assign(new Error('closed for the night'), { name: 'UnrecoverableError' }),
  ],
])('a handler that says so by an error of %s of BullMQ is not tried again', async (_, thrown) => {
  const { add, untilState, runs } = setup(throwing(thrown));
  const job = await untilState(await add({ v: 1, n: 1 }), 'failed');
  expect(job.failedReason).toBe('handler_error: closed for the night');
  expect(runs()).toBe(1);
});

test.each([
  ['a callback URL that is gone', new Terminal('callback_gone', 'gone'), info],
  ['any other end', new Terminal('too_late', 'over'), error],
  ['a bug of ours', new Defect('broken'), error],
])('a job that is given up at once is one log line: %s', async (_, thrown, level) => {
  const { add, untilState, logged } = setup(throwing(thrown));
  await untilState(await add({ v: 1, n: 1 }), 'failed');
  await until('it is logged', () => logged.length > 0);
  expect(logged).toMatchObject([{ level, msg: 'job given up', job: 'job-1', attempt: 1 }]);
  // With the place where it was thrown.
  expect(logged[0]?.err?.stack).toContain('run-worker.test.ts');
});

test('each failed attempt is one log line, and the last one says that the job is given up', async () => {
  const { add, untilState, logged } = setup(throwing(new Retryable('unavailable', 'away')));
  await untilState(await add({ v: 1, n: 1 }), 'failed');
  await until('all are logged', () => logged.length >= 3);
  expect(logged.map(({ level, msg, attempt }) => ({ level, msg, attempt }))).toEqual([
    { level: warn, msg: 'job failed', attempt: 1 },
    { level: warn, msg: 'job failed', attempt: 2 },
    { level: error, msg: 'job given up', attempt: 3 },
  ]);
});

test.each([
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  "NOPERM this user has no permissions to run the 'evalsha' command",
])('an answer of Redis that no waiting mends is an error at every attempt: %s', async (reply) => {
  const { add, untilState, logged } = setup(throwing(new ReplyError(reply)));
  await untilState(await add({ v: 1, n: 1 }, 2), 'failed');
  await until('all are logged', () => logged.length >= 2);
  expect(logged.map(({ level, msg }) => ({ level, msg }))).toEqual([
    { level: error, msg: 'job failed' },
    { level: error, msg: 'job given up' },
  ]);
  expect(logged[0]?.err?.message).toBe(reply);
});

test('a job of another version waits for a worker that knows it, and spends no attempt', async () => {
  const { add, untilState, runs } = setup(async () => undefined);
  const job = await untilState(await add({ v: 2, n: 1 }, 1), 'delayed');
  expect(job.attemptsMade).toBe(0);
  expect(runs()).toBe(0);
});

test.each([{ v: 1, n: 'one' }, { n: 1 }, 'text', null])(
  'a job that has not the shape of its queue is given up unseen: %j',
  async (data) => {
    const { add, untilState, runs } = setup(async () => undefined);
    const job = await untilState(await add(data), 'failed');
    expect(job.failedReason).toMatch(/shape/);
    expect(runs()).toBe(0);
  },
);

test('a worker that is stopped finishes what is under way and takes nothing more', async () => {
  const finished: number[] = [];
  const held = createLatch();
  const process = async (n: number) => {
    await held.opened;
    finished.push(n);
    return undefined;
  };
  const { queue, worker, runs } = setup(process, { concurrency: 1 });
  await queue.add('stage', { v: 1, n: 1 });
  await queue.add('stage', { v: 1, n: 2 });
  await until('the first is under way', () => runs() === 1);
  const stopped = worker.stop();
  held.open();
  await stopped;
  expect(finished).toEqual([1]);
  expect(await queue.getWaitingCount()).toBe(1);
});

test('a job that fell due while a busy queue had no place is not forgotten for long', async () => {
  const ends = new Map<number, () => void>();
  const ran: number[] = [];
  const { queue } = setup(
    async (n) => {
      ran.push(n);
      if (n < 3) await new Promise<void>((end) => ends.set(n, end));
      return undefined;
    },
    { limiter: { max: 1_000, duration: 1_000 } },
  );
  await queue.setGlobalConcurrency(1);
  const add = (n: number, delay = 0) => queue.add('stage', { v: 1, n }, { delay });
  await add(1);
  await until('the one place is taken', () => ends.has(1));
  const due = Date.now() + 1_500;
  await add(3, 1_500);
  await add(2);
  ends.get(1)?.();
  await until('it is taken again', () => ends.has(2));
  ends.get(2)?.();
  await until('the delayed one runs', () => ran.includes(3), 10_000);
  // Without a check in between it would be 15 s.
  expect(Date.now() - due).toBeLessThan(5_000);
});
