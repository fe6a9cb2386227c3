import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { type Answer, ledgerOf, setup } from './setup.ts';

const key = 'sk-tests';

/** The task inside an answer's envelope. */
function dataOf(answer: Answer): Record<string, unknown> {
  const { data } = answer.body;
  if (typeof data !== 'object' || data === null) throw new Error('no data in the envelope');
  return Object.fromEntries(Object.entries(data));
}

async function start(options: SimulatorOptions = {}) {
  const world = await setup(options);
  const { post, call, person, garment } = world;
  const generate = (body: Record<string, unknown> = {}, query = '', model = 'nano-banana') =>
    post(`/apixo/api/v1/generateTask/${model}`, key, {
      input: {
        mode: 'image-to-image',
        prompt: 'dress her',
        image_urls: [person(query), garment()],
      },
      ...body,
    });
  const get = (path: string) =>
    call(`/apixo/api/v1${path}`, { headers: { authorization: `Bearer ${key}` } });
  const status = (taskId: unknown, model = 'nano-banana') =>
    get(`/statusTask/${model}?taskId=${String(taskId)}`);
  async function untilState(taskId: unknown, wanted: string, model?: string) {
    const seen: string[] = [];
    for (;;) {
      const answer = await status(taskId, model);
      const state = String(dataOf(answer)['state']);
      if (seen.at(-1) !== state) seen.push(state);
      if (state === wanted) return { answer, seen, data: dataOf(answer) };
    }
  }
  return { ...world, generate, get, status, untilState };
}

test('a task is accepted with an opaque id inside the envelope', async () => {
  const { generate } = await start();
  expect(await generate()).toMatchObject({
    status: 200,
    body: {
      code: 200,
      message: 'success',
      data: { taskId: expect.stringMatching(/^task_[0-9a-f]{32}$/) },
    },
  });
});

test('a task goes from pending to success, with its links as JSON inside JSON', async () => {
  const { generate, untilState, simulator } = await start();
  simulator.setScenario('stuck', { provider: 'apixo', count: 1 });
  const waiting = await untilState(dataOf(await generate()).taskId, 'pending');
  expect(waiting.seen).toEqual(['pending']);
  const { taskId } = dataOf(await generate());
  const { data } = await untilState(taskId, 'success');
  expect(data).toEqual({
    taskId,
    state: 'success',
    createTime: expect.any(Number),
    completeTime: expect.any(Number),
    costTime: Number(data['completeTime']) - Number(data['createTime']),
    resultJson: expect.any(String),
  });
  expect(JSON.parse(String(data['resultJson']))).toEqual({
    resultUrls: [expect.stringMatching(/\/results\/[0-9a-f-]+\.png$/)],
  });
});

test('the webhook is the status body, unsigned, at the callback URL of the request', async () => {
  const { generate, receiver, status } = await start();
  const callback = { request_type: 'callback', callback_url: receiver.url };
  const { taskId } = dataOf(await generate(callback));
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toEqual((await status(taskId)).body);
  expect(Object.keys(webhook?.headers ?? {}).filter((name) => name.includes('sign'))).toEqual([]);
});

test('without request_type callback nobody is called back', async () => {
  const { generate, untilState, simulator } = await start();
  const { taskId } = dataOf(await generate({ callback_url: 'http://127.0.0.1:9/' }));
  await untilState(taskId, 'success');
  expect(ledgerOf(simulator, 'apixo').accepted[0]).toMatchObject({
    webhookUrl: null,
    webhookAttempts: [],
  });
});

test('any answer but 200 is tried again, three times in all after the first', async () => {
  const { generate, receiver, simulator } = await start({ timeScale: 0.0001 });
  receiver.answers.push(204, 201, 202, 500, 500);
  await generate({ request_type: 'callback', callback_url: receiver.url });
  await receiver.until(4);
  await expect.poll(() => ledgerOf(simulator, 'apixo').accepted[0]?.webhookAttempts.length).toBe(4);
});

test.each([
  ['capitals', '?simulate=moderation', 'CONTENT_VIOLATION'],
  ['capitals', '?simulate=failed', 'GENERATION_FAILED'],
  ['camel-case', '?simulate=moderation', 'InputOutputSensitiveContentDetected'],
])('in %s, %s fails under 200 with %s', async (vocabulary, query, failCode) => {
  const providers = { apixo: { switches: { 'fail-codes': vocabulary } } };
  const { generate, untilState } = await start({ providers });
  const { taskId } = dataOf(await generate({}, query));
  const { answer, data } = await untilState(taskId, 'failed');
  expect(answer).toMatchObject({ status: 200, body: { code: 200 } });
  expect(data).toMatchObject({ failCode, failMsg: expect.any(String) });
  expect(data).not.toHaveProperty('resultJson');
});

test('a picture that is not there fails the task with IMAGE_DOWNLOAD_FAILED', async () => {
  const { generate, untilState, simulator } = await start();
  const image_urls = [`${simulator.url}/assets/missing.png`];
  const input = { mode: 'image-to-image', prompt: 'x', image_urls };
  const { taskId } = dataOf(await generate({ input }));
  expect((await untilState(taskId, 'failed')).data['failCode']).toBe('IMAGE_DOWNLOAD_FAILED');
});

test.each([
  ['nano-banana', 'text-to-image'],
  ['gpt-image-1', 'gpt-image-1'],
  ['sora-2', 'text-to-video'],
])('%s makes something of words alone', async (model, mode) => {
  const { generate, untilState } = await start();
  const { taskId } = dataOf(await generate({ input: { mode, prompt: 'a coat' } }, '', model));
  const { data } = await untilState(taskId, 'success', model);
  const { resultUrls } = JSON.parse(String(data['resultJson']));
  expect(resultUrls).toHaveLength(1);
});

test.each([
  ['gpt-image-1', { mode: 'text-to-image' }],
  ['gpt-image-1', { mode: 'gpt-image-1', aspect_ratio: '16:9' }],
  ['gpt-image-1', { mode: 'gpt-image-1', num_images: 3 }],
  ['gpt-image-1', { mode: 'gpt-image-1', prompt: 'x'.repeat(10_001) }],
  ['nano-banana', { mode: 'text-to-image', prompt: 'x'.repeat(5_001) }],
  ['nano-banana', { mode: 'text-to-image', aspect_ratio: '1:4' }],
  ['sora-2', { mode: 'text-to-video', duration: 15 }],
  ['sora-2', { mode: 'text-to-video', aspect_ratio: '16:9' }],
  ['sora-2', { mode: 'image-to-video' }],
])('%s refuses %j with 400', async (model, wish) => {
  const { generate } = await start();
  const answer = await generate({ input: { prompt: 'a coat', ...wish } }, '', model);
  expect(answer).toMatchObject({ status: 400, body: { code: 400, data: null } });
});

test('sora-2 is served by the official supplier only', async () => {
  const { generate } = await start();
  const input = { mode: 'text-to-video', prompt: 'a coat' };
  for (const [provider, status] of [
    ['official', 200],
    ['auto', 400],
    ['value', 400],
  ]) {
    expect((await generate({ provider, input }, '', 'sora-2')).status).toBe(status);
  }
});

test('gpt-image-1 makes as many images as it is asked for, and charges each', async () => {
  const { generate, untilState, simulator } = await start();
  const input = { mode: 'gpt-image-1', prompt: 'a coat', num_images: 4 };
  const { taskId } = dataOf(await generate({ input }, '', 'gpt-image-1'));
  const { data } = await untilState(taskId, 'success', 'gpt-image-1');
  expect(JSON.parse(String(data['resultJson'])).resultUrls).toHaveLength(4);
  expect(ledgerOf(simulator, 'apixo').accepted[0]).toMatchObject({ creditsCharged: 32 });
});

test('a task is known under its own model only', async () => {
  const { generate, status } = await start();
  const { taskId } = dataOf(await generate());
  expect((await status(taskId)).status).toBe(200);
  for (const answer of [
    await status(taskId, 'sora-2'),
    await status(taskId, 'no-such-model'),
    await status('nobody'),
  ]) {
    expect(answer).toMatchObject({ status: 404, body: { code: 404, data: null } });
  }
});

test.each([
  ['no input', { input: undefined }],
  ['no prompt', { input: { mode: 'text-to-image' } }],
  ['an unknown mode', { input: { mode: 'image-to-song', prompt: 'x' } }],
  [
    'a picture that is no URL',
    { input: { mode: 'image-to-image', prompt: 'x', image_urls: ['A'] } },
  ],
  ['a callback without a URL', { request_type: 'callback' }],
  ['an unknown request_type', { request_type: 'later' }],
  ['an unknown routing', { provider: 'cheapest' }],
])('%s is refused with 400 in the envelope', async (_what, body) => {
  const { generate, simulator } = await start();
  expect(await generate(body)).toMatchObject({
    status: 400,
    body: { code: 400, message: expect.any(String), data: null },
  });
  expect(ledgerOf(simulator, 'apixo').accepted).toEqual([]);
});

test('the balance shrinks, no key is 401, no credit 402, an unknown model 404', async () => {
  const { generate, get, call } = await start({ providers: { apixo: { credits: 5 } } });
  expect((await generate({}, '', 'no-such-model')).status).toBe(404);
  await generate();
  expect(dataOf(await get('/apikeys/current-balance'))).toEqual({ balance: 1 });
  expect(await generate()).toMatchObject({ status: 402, body: { code: 402, data: null } });
  expect(await call('/apixo/api/v1/apikeys/current-balance')).toMatchObject({
    status: 401,
    body: { code: 401 },
  });
});
