import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { deadJobReason } from '../../src/operations/dead-job.ts';
import { startCallbackReceiver } from '../support/callback-receiver.ts';
import { type PipelineOptions, SECRET, setupPipeline, TENANT } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const CALLBACKS = queueNames.subscriber('callback');

async function setup(options: PipelineOptions = {}) {
  const pipeline = await setupPipeline(options);
  const receiver = await startCallbackReceiver(SECRET, TENANT);
  onTestFinished(receiver.close);
  const ask = () => pipeline.request('fitinview', { callbackUrl: receiver.url });
  const untilReceived = (count: number) =>
    until(`${count} callbacks`, () => receiver.received.length >= count);
  const jobs = () => pipeline.queue(CALLBACKS).getJobCounts('completed', 'failed', 'delayed');
  return { pipeline, receiver, ask, untilReceived, jobs };
}

test('a callback carries the completion event, signed as Standard Webhooks says', async () => {
  const { pipeline, receiver, ask, untilReceived } = await setup();
  const id = await ask();
  await untilReceived(1);
  await pipeline.untilSettled([id]);
  const [event] = pipeline.eventsOf(id);
  expect(receiver.received).toStrictEqual([{ path: '/callback', id: event?.id, event }]);
});

test('a generation without a callback URL makes no callback', async () => {
  const { pipeline, receiver, jobs } = await setup();
  const id = await pipeline.request('fitinview');
  await pipeline.untilSettled([id]);
  expect(receiver.received).toEqual([]);
  expect(await jobs()).toEqual({ completed: 0, failed: 0, delayed: 0 });
});

test('a callback answered 500 is tried again with the same webhook-id', async () => {
  const { receiver, ask, untilReceived, jobs } = await setup();
  receiver.answers.push(500);
  await ask();
  await untilReceived(2);
  const [first, second] = receiver.received;
  expect(second).toStrictEqual(first);
  expect(first?.event?.id).toBe(first?.id);
  await until('it is done', async () => (await jobs())['completed'] === 1);
});

test('a callback answered 410 ends in the failed set at once', async () => {
  const { pipeline, receiver, ask, jobs } = await setup();
  receiver.answers.push(410);
  const id = await ask();
  await until('it is given up', async () => (await jobs())['failed'] === 1);
  const [job] = await pipeline.queue(CALLBACKS).getFailed();
  expect(job).toMatchObject({
    attemptsMade: 1,
    failedReason: expect.stringMatching(/^callback_gone/),
  });
  expect(receiver.received).toHaveLength(1);
  // The app's wish is one line, and not one that somebody must look at.
  const said = () => pipeline.lines.filter(({ msg }) => msg.startsWith('job '));
  await until('it is said', () => said().length > 0);
  expect(said()).toMatchObject([
    { level: 30, msg: 'job given up', err: { code: 'callback_gone' } },
  ]);
  // The generation and the other subscribers are not affected.
  expect((await pipeline.untilFinal(id)).status).toBe('completed');
  await until('the recorder is notified', () => pipeline.eventsOf(id).length);
});

test.each<[string, (response: ServerResponse) => void]>([
  ['17 KB of HTML', (response) => response.end('<p>'.repeat(6_000))],
  ['a megabyte', (response) => response.end(Buffer.alloc(1_000_000))],
  [
    'a body that breaks off',
    (response) => response.writeHead(200).write('<', () => response.destroy()),
  ],
  [
    'a body that never ends',
    (response) => {
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    },
  ],
])('a callback answered 200 with %s is delivered, once', async (_what, answer) => {
  const { receiver, ask, jobs } = await setup();
  receiver.answers.push(answer);
  await ask();
  await until('it is done', async () => (await jobs())['completed'] === 1, 5_000);
  expect(await jobs()).toEqual({ completed: 1, failed: 0, delayed: 0 });
  expect(receiver.received).toHaveLength(1);
});

test('a callback says who calls, and takes any answer', async () => {
  const { pipeline, receiver, ask, untilReceived } = await setup();
  let headers: IncomingHttpHeaders = {};
  receiver.answers.push((response) => {
    headers = response.req.headers;
    response.end();
  });
  await ask();
  await untilReceived(1);
  const userAgent = expect.stringMatching(/^catwalk\/\d/);
  expect(headers).toMatchObject({ 'user-agent': userAgent, accept: '*/*' });
  expect(headers['user-agent']).toContain(`(+${pipeline.web.url})`);
});

test('a callback waits as long as Retry-After asks, up to a day', async () => {
  const { pipeline, receiver, ask, jobs } = await setup();
  receiver.answers.push((response) => response.writeHead(400, { 'retry-after': '86400' }).end());
  await ask();
  await until('it is to be tried again', async () => (await jobs())['delayed'] === 1);
  const [job] = await pipeline.queue(CALLBACKS).getDelayed();
  expect(job).toMatchObject({ attemptsMade: 1, delay: 86_400_000 });
});

test('a callback that is to wait for more than a day is a dead letter at once, and can be redriven', async () => {
  const { pipeline, receiver, ask, jobs } = await setup();
  receiver.answers.push((response) => response.writeHead(503, { 'retry-after': '86401' }).end());
  const id = await ask();
  await until('it is given up', async () => (await jobs())['failed'] === 1);
  const [job] = await pipeline.queue(CALLBACKS).getFailed();
  expect(job?.attemptsMade).toBe(1);
  expect(deadJobReason(CALLBACKS, job?.failedReason ?? '')).toEqual({
    kind: 'refused',
    code: 'callback_retry_too_late',
  });
  await job?.retry();
  await until('it is done', async () => (await jobs())['completed'] === 1);
  await pipeline.untilSettled([id]);
  const [event] = pipeline.eventsOf(id);
  expect(receiver.received.map(({ event }) => event)).toEqual([event, event]);
});

test('a redirect is not followed; it is a failed try', async () => {
  const { pipeline, receiver, ask, untilReceived, jobs } = await setup();
  const elsewhere = await startCallbackReceiver(SECRET, TENANT);
  onTestFinished(elsewhere.close);
  receiver.answers.push({ redirectTo: elsewhere.url });
  await ask();
  await until('it is to be tried again', async () => (await jobs())['delayed'] === 1);
  const [job] = await pipeline.queue(CALLBACKS).getDelayed();
  expect(job?.failedReason).toMatch(/302/);
  await untilReceived(2);
  await until('it is done', async () => (await jobs())['completed'] === 1);
  expect(elsewhere.received).toEqual([]);
});

test('a callback URL that leads into a private network is not called where that is not allowed', async () => {
  const { pipeline, receiver, ask, jobs } = await setup({ workers: false });
  await pipeline.startWorkers({ ALLOW_INSECURE_URLS: 'false' });
  await ask();
  await until('it is given up', async () => (await jobs())['failed'] === 1);
  const [job] = await pipeline.queue(CALLBACKS).getFailed();
  expect(job).toMatchObject({
    attemptsMade: 1,
    failedReason: expect.stringMatching(/^private_address/),
  });
  expect(receiver.received).toEqual([]);
});
