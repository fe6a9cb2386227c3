import { UnrecoverableError } from 'bullmq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { startCallbackReceiver } from '../support/callback-receiver.ts';
import { contentsOf } from '../support/contents.ts';
import { operate, redrive } from '../support/operations.ts';
import {
  type Env,
  FITINVIEW_SECRET,
  type Pipeline,
  type PipelineOptions,
  PROVIDERS,
  SECRET,
  type Shown,
  setupPipeline,
  TENANT,
} from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const POLLED = { webhooks: false } as const;
const WAIT_MS = 600_000;
/** The tests pass over so long a wait in the queue by moving the clock. */
const LATE = { env: { MAX_QUEUED_MS: String(WAIT_MS) }, workers: false } as const;

/** What the operator's command is given: the pipeline's settings, but for that wait. */
const operatorEnv = (pipeline: Pipeline) => ({ ...pipeline.env, MAX_QUEUED_MS: undefined });

/** Ends as it says, is redriven, and the redrive with its end as the API shows it. */
async function redriveOnly(pipeline: Pipeline, old: string, ...args: string[]): Promise<Shown> {
  const { began } = await redrive(operatorEnv(pipeline), '--id', old, ...args);
  expect(began).toMatchObject([{ redriveOf: old }]);
  const [shown] = await pipeline.untilSettled([began[0]?.id ?? '']);
  return shown as Shown;
}

/** Each ended without a result, and what a redrive says and does without being asked to pay. */
async function refusedUnlessPaying(pipeline: Pipeline, old: string): Promise<void> {
  const answer = await redrive(operatorEnv(pipeline), '--id', old);
  expect(answer).toMatchObject({ triedAgain: 0, began: [], groups: [{ action: 'may_pay_twice' }] });
}

/** Its wait is over at the moment its answer is lost, so that nobody asks for it again. */
async function endedUnknown(
  pipeline: Pipeline,
  provider: 'fitinview' | 'fashn',
  workerEnv: Env = {},
): Promise<string> {
  const id = await pipeline.request(provider, { scenario: 'lost-reply' });
  await pipeline.startWorkers(workerEnv);
  await until('it is paid for', () => pipeline.book(provider).accepted.length === 1);
  pipeline.advanceClock(WAIT_MS);
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'failed', reason: { code: 'outcome_unknown' } });
  return id;
}

describe('a redrive', { timeout: 90_000 }, () => {
  describe('an answer that stayed lost', () => {
    test('fitinview: a redrive sends the old key, and the work is paid once', async () => {
      const pipeline = await setupPipeline({ ...POLLED, ...LATE });
      const old = await endedUnknown(pipeline, 'fitinview');
      const shown = await redriveOnly(pipeline, old);
      expect(shown).toMatchObject({ status: 'completed', redriveOf: old });
      const { accepted, refused } = pipeline.book('fitinview');
      expect(accepted).toMatchObject([{ idempotencyKey: `${old}-1`, replays: 1 }]);
      expect(refused).toEqual([]);
      expect(pipeline.eventsOf(shown.id)).toMatchObject([{ data: { redriveOf: old } }]);
      expect(pipeline.eventsOf(old)).toHaveLength(1);
      expect((await pipeline.get(old)).status).toBe('failed');
    });

    test('fitinview: a redrive sends the same body to the letter, the old webhook URL with it', async () => {
      const options: PipelineOptions = {
        ...LATE,
        simulator: {
          providers: {
            fitinview: { secret: FITINVIEW_SECRET, switches: { 'changed-body': 'refuse' } },
          },
        },
      };
      const pipeline = await setupPipeline(options);
      // A public address at which nobody answers: no delivery adopts the task.
      const old = await endedUnknown(pipeline, 'fitinview', { PUBLIC_URL: 'http://127.0.0.1:9' });
      const shown = await redriveOnly(pipeline, old);
      expect(shown).toMatchObject({ status: 'completed', via: 'poll' });
      const { accepted, refused } = pipeline.book('fitinview');
      expect(accepted).toMatchObject([{ replays: 1, webhookUrl: expect.stringContaining(old) }]);
      expect(refused).toEqual([]);
    });

    test('fashn: a redrive is refused, because it may pay twice; with --pay-again it pays', async () => {
      const pipeline = await setupPipeline({ ...POLLED, ...LATE });
      const old = await endedUnknown(pipeline, 'fashn');
      await refusedUnlessPaying(pipeline, old);
      expect(pipeline.book('fashn').accepted).toHaveLength(1);
      const shown = await redriveOnly(pipeline, old, '--pay-again');
      expect(shown).toMatchObject({ status: 'completed', redriveOf: old });
      expect(pipeline.book('fashn').accepted).toHaveLength(2);
    });
  });

  test.for(PROVIDERS)(
    '%s: what was given up is checked again by a redrive, and nothing is sent',
    async (provider) => {
      const pipeline = await setupPipeline({
        ...POLLED,
        patience: { giveUpAfterMs: 200 },
        simulator: { latencyMs: { min: 400, max: 400 } },
      });
      const old = await pipeline.request(provider, { scenario: 'slow' });
      const [given] = await pipeline.untilSettled([old]);
      expect(given).toMatchObject({ status: 'timed_out', reason: { code: 'gave_up' } });
      await until('the provider is done', () => pipeline.book(provider).accepted[0]?.doneAtMs);
      const shown = await redriveOnly(pipeline, old);
      expect(shown).toMatchObject({ status: 'completed', redriveOf: old });
      const { accepted, replays } = pipeline.book(provider);
      expect(accepted).toHaveLength(1);
      expect(replays).toEqual([]);
    },
  );

  test.for(PROVIDERS)(
    '%s: what was never sent is submitted by a redrive, once',
    async (provider) => {
      const pipeline = await setupPipeline({ ...POLLED, ...LATE });
      await pipeline.startWorkers({ WORKER_ROLES: 'poll,completion,subscribers' });
      const old = await pipeline.request(provider, { metadata: { order: 7 } });
      pipeline.advanceClock(WAIT_MS);
      const late = await pipeline.untilFinal(old);
      expect(late).toMatchObject({ status: 'timed_out', reason: { code: 'not_sent_in_time' } });
      await pipeline.startWorkers();
      const shown = await redriveOnly(pipeline, old);
      expect(shown).toMatchObject({ status: 'completed', metadata: { order: 7 } });
      expect(pipeline.book(provider).accepted).toHaveLength(1);
    },
  );

  test.for(PROVIDERS)(
    '%s: what failed there is submitted again only with --pay-again',
    async (provider) => {
      const pipeline = await setupPipeline();
      const old = await pipeline.request(provider, { scenario: 'failed' });
      const [failed] = await pipeline.untilSettled([old]);
      expect(failed).toMatchObject({ status: 'failed' });
      await refusedUnlessPaying(pipeline, old);
      expect(pipeline.book(provider).accepted).toHaveLength(1);
      const shown = await redriveOnly(pipeline, old, '--pay-again');
      expect(shown.redriveOf).toBe(old);
      expect(pipeline.book(provider).accepted).toHaveLength(2);
    },
  );

  test('redriven twice, also by two operators at once, a generation is tried again once', async () => {
    const pipeline = await setupPipeline({ ...POLLED, patience: { giveUpAfterMs: 200 } });
    const olds = await Promise.all(
      Array.from({ length: 4 }, () => pipeline.request('fashn', { scenario: 'stuck' })),
    );
    await pipeline.untilSettled(olds);
    const env = operatorEnv(pipeline);
    const filter = ['--reason', 'gave_up', '--provider', 'fashn'];
    const answers = await Promise.all([redrive(env, ...filter), redrive(env, ...filter)]);
    const began = answers.flatMap((answer) => answer.began);
    expect(began.map(({ redriveOf }) => redriveOf).sort()).toEqual([...olds].sort());
    await pipeline.untilSettled(began.map(({ id }) => id));

    const again = await redrive(env, '--dry-run', ...olds.flatMap((id) => ['--id', id]));
    expect(again.groups).toMatchObject([{ action: 'redriven_before', count: 4 }]);
    // The redrives are stuck as well, and are dead letters of their own.
    const next = await redrive(env, '--limit', '3', ...filter);
    expect(next.triedAgain).toBe(3);
    expect(pipeline.book('fashn').accepted).toHaveLength(4);
  });

  test('a dry run says what there is and writes nothing, and no output holds what is private', async () => {
    const pipeline = await setupPipeline({ patience: { giveUpAfterMs: 200 }, workers: false });
    const workers = await pipeline.startWorkers();
    const metadata = { customer: 'Ada' };
    const stuck = await pipeline.request('fashn', { scenario: 'stuck', metadata });
    const failed = await pipeline.request('fitinview', { scenario: 'moderation', metadata });
    await pipeline.untilSettled([stuck, failed]);
    await pipeline.untilFinal(await pipeline.request('fitinview'));
    await workers.stop();
    await pipeline.catwalk.close();

    // The only keys that vanish by themselves.
    const vanishing = /:(stalled-check|limiter)$/;
    const everything = () => contentsOf(pipeline.redis, pipeline.keys.prefix, vanishing);
    const before = await everything();
    const { code, lines } = await operate(pipeline.env, 'redrive', '--dry-run');
    expect(code).toBe(0);
    expect(await everything()).toEqual(before);
    const text = lines.filter((line) => !line.startsWith('{')).join('\n');
    expect(text).toMatch(/generations of fashn +task_known +gave_up +1 +check again/);
    expect(text).toMatch(
      /generations of fitinview +provider_failed +\w+ +1 +refused: may pay twice/,
    );
    expect(text).toContain('2 dead letters found, 1 would be tried again');
    expect(lines.join('\n')).not.toMatch(/http:|Ada|person\.png/);
    expect(await redrive(pipeline.env, '--dry-run', '--class', 'task_known')).toMatchObject({
      groups: [{ reason: 'gave_up' }],
    });
    expect((await redrive(pipeline.env, '--dry-run', '--tenant', 'someone-else')).groups).toEqual(
      [],
    );
    expect((await redrive(pipeline.env, '--dry-run', '--until', '1h')).groups).toEqual([]);
  });

  test('a dead job is run again as it was, with all its tries and the same event id', async () => {
    const pipeline = await setupPipeline();
    const heard: string[] = [];
    let answer = (): void => {
      throw new UnrecoverableError('orders is closed for the night');
    };
    await pipeline.catwalk.onCompletion('orders', (event) => {
      heard.push(event.id);
      answer();
    });
    const ids = [await pipeline.request('fashn'), await pipeline.request('fitinview')];
    const queue = pipeline.queue(queueNames.subscriber('orders'));
    await until('both are given up', async () => (await queue.getFailedCount()) === 2);

    answer = () => undefined;
    const only = ['--queue', queue.name, '--provider', 'fashn'];
    expect(await redrive(pipeline.env, '--dry-run', ...only)).toMatchObject({
      groups: [{ class: 'handler_error', action: 'run_again', count: 1 }],
    });
    expect(await redrive(pipeline.env, ...only)).toMatchObject({ triedAgain: 1, began: [] });
    await until('it is heard again', () => heard.length === 3);
    expect(heard[2]).toBe(pipeline.eventsOf(ids[0] ?? '')[0]?.id);
    await until('it is done', async () => (await queue.getCompletedCount()) === 1);
    const [job] = await queue.getCompleted();
    expect(job).toMatchObject({ id: `notify-${ids[0]}`, attemptsMade: 1 });

    expect(await redrive(pipeline.env, '--class', 'handler_error')).toMatchObject({
      triedAgain: 1,
    });
    await until('the other is heard again', () => heard.length === 4);
    expect(new Set(heard).size).toBe(2);
  });
});

test('a callback that was given up is delivered by a redrive, as the same event', {
  timeout: 90_000,
}, async () => {
  const pipeline = await setupPipeline();
  const receiver = await startCallbackReceiver(SECRET, TENANT);
  onTestFinished(receiver.close);
  receiver.answers.push(410);
  const id = await pipeline.request('fitinview', { callbackUrl: receiver.url });
  const queue = pipeline.queue(queueNames.subscriber('callback'));
  await until('it is given up', async () => (await queue.getFailedCount()) === 1);

  const found = await redrive(pipeline.env, '--dry-run');
  const source = `queue ${queue.name}`;
  expect(found.groups).toMatchObject([{ source, class: 'refused', reason: 'callback_gone' }]);
  expect(receiver.received).toHaveLength(1);
  await redrive(pipeline.env, '--reason', 'callback_gone', '--id', id);
  await until('it is delivered', () => receiver.received.length === 2);
  const [refused, delivered] = receiver.received;
  expect(delivered).toStrictEqual(refused);
  expect(delivered?.event?.data.generationId).toBe(id);
  await until('it is done', async () => (await queue.getCompletedCount()) === 1);
  expect((await redrive(pipeline.env, '--dry-run')).groups).toEqual([]);
});

test('a callback that was given up in the slow lane is found there, and has all its tries again', {
  timeout: 90_000,
}, async () => {
  const pipeline = await setupPipeline({ env: { CALLBACK_FAILURES: '1' } });
  const receiver = await startCallbackReceiver(SECRET, TENANT);
  onTestFinished(receiver.close);
  receiver.answers.push(500, 410);
  const id = await pipeline.request('fitinview', { callbackUrl: receiver.url });
  const queue = pipeline.queue(queueNames.subscriber('callback-slow'));
  await until('it is given up', async () => (await queue.getFailedCount()) === 1);

  const [dead] = await queue.getFailed();
  expect(dead?.data.moved).toEqual({ times: 1, tries: 1, stays: false });
  const found = await redrive(pipeline.env, '--id', id);
  const source = `queue ${queue.name}`;
  expect(found.groups).toMatchObject([{ source, class: 'refused', reason: 'callback_gone' }]);
  await until('it is done', async () => (await queue.getCompletedCount()) === 1);
  expect(receiver.received.map(({ event }) => event?.data.generationId)).toEqual([id, id, id]);
  const [job] = await queue.getCompleted();
  expect(job?.data.moved).toEqual({ times: 1, tries: 0, stays: false });
});

test('what a dead completions job holds counts when it is run again', {
  timeout: 90_000,
}, async () => {
  const pipeline = await setupPipeline();
  const id = await pipeline.request('fashn', { scenario: 'stuck' });
  await until('it is submitted', async () => {
    return (await pipeline.store.load(id))?.state === 'submitted';
  });
  const record = (await pipeline.redis.get(pipeline.keys.record(id))) ?? '';
  await pipeline.redis.set(pipeline.keys.record(id), '1\n{"of":"another version"}');
  const queue = pipeline.queue(queueNames.completions);
  await queue.add('completions', { v: 1, items: [{ id, event: { type: 'cancel' } }] });
  await until('it is given up', async () => (await queue.getFailedCount()) === 1);
  await pipeline.redis.set(pipeline.keys.record(id), record);

  // The job does not say whose it is; its generation's record does.
  const others = await redrive(pipeline.env, '--class', 'defect', '--tenant', 'someone-else');
  expect(others.groups).toEqual([]);
  const mine = ['--class', 'defect', '--tenant', TENANT, '--provider', 'fashn'];
  expect(await redrive(pipeline.env, ...mine)).toMatchObject({
    groups: [{ source: 'queue completions', action: 'run_again', count: 1 }],
  });
  expect((await pipeline.untilFinal(id)).status).toBe('canceled');
});

describe('the command', () => {
  test.each([
    ['without a filter, refuses and says so', ['redrive'], /^Say which: .*--all/],
    ['with an unknown flag', ['redrive', '--all', '--yes'], /--yes/],
    ['with no name', [], /^ {2}redrive +list dead letters/m],
  ])('%s, exits 2', async (_what, args, said) => {
    const { code, lines } = await operate({}, ...args);
    expect(code).toBe(2);
    expect(lines.join('\n')).toMatch(said);
  });

  test.each([
    [
      'a provider that is not switched on',
      ['--provider', 'fashion'],
      /--provider: fashion .*fashn/,
    ],
    [
      'a queue that nobody ever opened',
      ['--queue', 'subscriber-ordres'],
      /no queue subscriber-ordres/,
    ],
  ])('%s is a slip of the pen, exits 2', async (_what, filter, said) => {
    const pipeline = await setupPipeline({ workers: false });
    const { code, lines } = await operate(pipeline.env, 'redrive', '--dry-run', ...filter);
    expect(lines.join('\n')).toMatch(said);
    expect(code).toBe(2);
  });

  test('says when it stopped at its limit', async () => {
    const pipeline = await setupPipeline({ patience: { giveUpAfterMs: 1_000 }, webhooks: false });
    const ids = await Promise.all(
      [1, 2].map(() => pipeline.request('fashn', { scenario: 'stuck' })),
    );
    await pipeline.untilSettled(ids);
    const { lines } = await operate(pipeline.env, 'redrive', '--all', '--dry-run', '--limit', '1');
    expect(lines).toContain('stopped at --limit 1: there may be more');
  });

  test('without settings it says what is missing, but wants no API keys, and exits 1', async () => {
    const { code, lines } = await operate({}, 'redrive', '--all');
    expect(code).toBe(1);
    expect(lines.join('\n')).toMatch(/REDIS_URL/);
    expect(lines.join('\n')).not.toMatch(/API_KEYS: |^\s+at /m);
  });
});
