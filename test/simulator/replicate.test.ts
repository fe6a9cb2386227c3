import { createHmac } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { secondsIn } from '../../simulator/dialects/replicate/duration.ts';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { ledgerOf, pollUntil, type ReceivedWebhook, setup } from './setup.ts';

const key = 'r8_tests';
const secretKey = Buffer.from('twenty-four bytes of key');
const providers = { replicate: { secret: `whsec_${secretKey.toString('base64')}` } };

async function start(options: SimulatorOptions = {}) {
  const world = await setup({ providers, ...options });
  const { post, call, person, garment } = world;
  const create = (
    body: Record<string, unknown> = {},
    { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
  ) =>
    post(
      '/replicate/v1/predictions',
      key,
      {
        version: 'google/nano-banana',
        input: { prompt: 'dress her', image_input: [person(query), garment()] },
        ...body,
      },
      headers,
    );
  const get = (id: unknown) =>
    call(`/replicate/v1/predictions/${String(id)}`, {
      headers: { authorization: `Bearer ${key}` },
    });
  const cancel = (id: unknown) => post(`/replicate/v1/predictions/${String(id)}/cancel`, key, {});
  return { ...world, create, get, cancel };
}

/** As the Standard Webhooks specification says, by hand. */
function isSigned({ headers, bytes }: ReceivedWebhook): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp } = headers;
  const content = `${String(id)}.${String(timestamp)}.${bytes.toString()}`;
  const digest = createHmac('sha256', secretKey).update(content).digest('base64');
  return headers['webhook-signature'] === `v1,${digest}`;
}

test('a prediction is created with 201, as a whole object that has only started', async () => {
  const { create, simulator } = await start({ scenario: 'stuck' });
  const { status, body } = await create();
  const address = `${simulator.url}/replicate/v1/predictions/${String(body['id'])}`;
  expect(status).toBe(201);
  expect(body).toMatchObject({
    id: expect.stringMatching(/^[0-9a-z]{26}$/),
    model: 'google/nano-banana',
    status: 'starting',
    input: { prompt: 'dress her' },
    output: null,
    error: null,
    logs: '',
    data_removed: false,
    completed_at: null,
    urls: { get: address, cancel: `${address}/cancel` },
  });
});

test('a prediction succeeds with a link, the time of its end and how long it took', async () => {
  const { create, get } = await start();
  const { body } = await create();
  const { last } = await pollUntil(() => get(body['id']), ['succeeded']);
  expect(last.body).toMatchObject({
    output: expect.stringMatching(/\/results\/[0-9a-f-]+\.jpeg$/),
    completed_at: expect.any(String),
    metrics: { total_time: expect.any(Number) },
  });
});

test.each([
  ['list', [expect.stringMatching(/\.jpeg$/)]],
  ['object', { image: expect.stringMatching(/\.jpeg$/) }],
])('the output may be a %s', async (output, expected) => {
  const { create, get } = await start({ providers: { replicate: { switches: { output } } } });
  const { body } = await create();
  const { last } = await pollUntil(() => get(body['id']), ['succeeded']);
  expect(last.body['output']).toEqual(expected);
});

test('with completed as the only event, one signed webhook brings the prediction', async () => {
  const { create, get, receiver } = await start();
  const { body } = await create({ webhook: receiver.url, webhook_events_filter: ['completed'] });
  const [webhook] = await receiver.until(1);
  expect(webhook && isSigned(webhook)).toBe(true);
  expect(webhook?.body).toEqual((await get(body['id'])).body);
  expect(receiver.received).toHaveLength(1);
});

test('without a filter every event is told, and each is signed', async () => {
  const { create, receiver } = await start({ timeScale: 0.1 });
  await create({ webhook: receiver.url });
  const webhooks = await receiver.until(3);
  expect(webhooks.map(({ body }) => body['status'])).toEqual([
    'starting',
    'processing',
    'succeeded',
  ]);
  expect(webhooks.every(isSigned)).toBe(true);
});

test('a refused webhook comes again with the same id, a fresh time and its own signature', async () => {
  const { create, receiver } = await start({ timeScale: 0.001 });
  receiver.answers.push(500, 404);
  await create({ webhook: receiver.url, webhook_events_filter: ['completed'] });
  const webhooks = await receiver.until(3);
  expect(new Set(webhooks.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(webhooks.every(isSigned)).toBe(true);
});

test('a forged webhook is signed by a stranger', async () => {
  const { create, receiver } = await start();
  const filter = { webhook: receiver.url, webhook_events_filter: ['completed'] };
  await create(filter, { query: '?simulate=forged-signature' });
  const webhooks = await receiver.until(2);
  expect(webhooks.map(isSigned)).toEqual([false, true]);
});

test('Prefer: wait holds the answer until the prediction is done, or as long as it says', async () => {
  const { create } = await start();
  const done = await create({}, { headers: { prefer: 'wait' } });
  expect(done).toMatchObject({ status: 201, body: { status: 'succeeded' } });
  const overran = await create({}, { headers: { prefer: 'wait=1' } });
  expect(overran).toMatchObject({ status: 202, body: { output: null } });
});

test('a live prediction is canceled, and tells so; a finished one cannot be', async () => {
  const { create, get, cancel, receiver } = await start({ scenario: 'slow' });
  const { body } = await create({ webhook: receiver.url, webhook_events_filter: ['completed'] });
  expect(await cancel(body['id'])).toMatchObject({ status: 200, body: { status: 'canceled' } });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body['status']).toBe('canceled');
  expect((await get(body['id'])).body).toMatchObject({ status: 'canceled', output: null });
  expect((await cancel(body['id'])).status).toBe(422);
  expect((await cancel('nobody')).status).toBe(404);
});

test.each([
  ['has not begun', { scenario: 'stuck' }, 'starting', 'aborted'],
  ['is running', { latencyMs: { min: 120_000, max: 120_000 } }, 'processing', 'canceled'],
] as const)(
  'with Cancel-After a prediction that %s at its deadline is ended',
  async (_what, options, word, end) => {
    const { create, get } = await start({ ...options, timeScale: 0.01 });
    const headers = { 'cancel-after': '1m30s' };
    const { status, body } = await create({}, { headers });
    expect(status).toBe(201);
    expect(body).toMatchObject({ deadline: expect.any(String) });
    const ends = ['aborted', 'canceled', 'succeeded'];
    const { seen, last } = await pollUntil(() => get(body['id']), ends);
    expect(seen).toContain(word);
    expect(last.body).toMatchObject({ status: end, output: null });
  },
);

test('a prediction that is done before its deadline is left alone', async () => {
  const { create, get } = await start();
  const { body } = await create({}, { headers: { 'cancel-after': '1h' } });
  const { last } = await pollUntil(() => get(body['id']), ['succeeded', 'canceled', 'aborted']);
  expect(last.body['status']).toBe('succeeded');
});

test.each([
  ['5', 5],
  ['90s', 90],
  ['5m', 300],
  ['1h30m45s', 5_445],
  ['2h30m', 9_000],
  ['4s', undefined],
  ['', undefined],
  ['1d', undefined],
  ['30m1h', undefined],
  ['soon', undefined],
])('the duration %j has %s seconds', (text, seconds) => {
  expect(secondsIn(text)).toBe(seconds);
});

test('a deadline that is none is refused', async () => {
  const { create } = await start();
  expect((await create({}, { headers: { 'cancel-after': '4s' } })).status).toBe(422);
});

test('an hour after its creation a prediction keeps nothing but its status', async () => {
  const { create, get } = await start();
  const { body } = await create();
  await pollUntil(() => get(body['id']), ['succeeded']);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61 * 60 * 1000 });
  try {
    expect((await get(body['id'])).body).toMatchObject({
      status: 'succeeded',
      output: null,
      input: {},
      data_removed: true,
    });
  } finally {
    vi.useRealTimers();
  }
});

test.each([
  ['?simulate=moderation', /nsfw/i],
  ['?simulate=failed', /pipeline/i],
])('with %s a prediction fails in words', async (query, words) => {
  const { create, get } = await start();
  const { body } = await create({}, { query });
  const { last } = await pollUntil(() => get(body['id']), ['failed']);
  expect(last.body).toMatchObject({ output: null, error: expect.stringMatching(words) });
});

test('a community model is run by its version, an official one by its name or path', async () => {
  const { post, create, person, garment, simulator } = await start();
  const hash = '0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985';
  const input = { human_img: person(), garm_img: garment(), category: 'upper_body' };
  for (const version of [hash, `cuuupid/idm-vton:${hash}`]) {
    expect(await create({ version, input })).toMatchObject({ status: 201 });
  }
  for (const version of ['cuuupid/idm-vton', 'nobody/nothing', 'hidden']) {
    expect(await create({ version, input })).toMatchObject({ status: 422 });
  }
  const words = { input: { prompt: 'a coat' } };
  const path = (name: string) => `/replicate/v1/models/${name}/predictions`;
  expect((await post(path('google/nano-banana'), key, words)).status).toBe(201);
  expect((await post(path('cuuupid/idm-vton'), key, { input })).status).toBe(404);
  expect(ledgerOf(simulator, 'replicate').accepted).toHaveLength(3);
});

test.each([
  ['no version', { version: undefined }],
  ['no prompt', { input: { image_input: [] } }],
  ['a webhook that is no URL', { webhook: 'here' }],
  ['an unknown event', { webhook_events_filter: ['end'] }],
])('%s is refused with 422 and a detail', async (_what, body) => {
  const { create } = await start();
  expect(await create(body)).toMatchObject({
    status: 422,
    body: { title: expect.any(String), detail: expect.any(String), status: 422 },
  });
});

test('no key is 401, an unknown id 404, no credit 402, and 429 says how long in words', async () => {
  const { create, call, get } = await start({ providers: { replicate: { credits: 0 } } });
  expect(await call('/replicate/v1/predictions/x')).toMatchObject({
    status: 401,
    body: { title: 'Unauthenticated', status: 401 },
  });
  expect((await get('nobody')).status).toBe(404);
  expect((await create()).status).toBe(402);
  const limited = await create({}, { headers: { 'x-simulate': 'rate-limited' } });
  expect(limited).toMatchObject({
    status: 429,
    body: { detail: expect.stringContaining('available in 1 second.') },
  });
});

test('a file is taken as curl sends it, and refused without content or with bad metadata', async () => {
  const { call } = await start();
  const upload = (parts: Record<string, string | Blob>) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(parts)) body.append(name, value);
    return call('/replicate/v1/files', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body,
    });
  };
  const content = new Blob(['PK']);
  expect(await upload({ content, metadata: '{"shop":7}' })).toMatchObject({
    status: 201,
    body: { content_type: 'application/octet-stream', size: 2, metadata: { shop: 7 } },
  });
  for (const wrong of [{ metadata: '{}' }, { content, metadata: '{' }]) {
    expect(await upload(wrong)).toMatchObject({ status: 422, body: { status: 422 } });
  }
});

test('a stream needs no key, tells the end, and is 404 for a prediction that is not there', async () => {
  const { create, call } = await start();
  const { body } = await create();
  const stream = (id: unknown) => call(`/replicate/stream/v1/files/${String(id)}`);
  const { headers, body: events } = await stream(body['id']);
  expect(headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(events['text']).toMatch(/^event: output\nid: \d+:0\ndata: http.*\n\nevent: done\n/);
  expect((await stream('nobody')).status).toBe(404);
});

test('a file of the account that is gone fails the prediction', async () => {
  const { create, get, simulator } = await start();
  const image = `${simulator.url}/replicate/v1/files/gone`;
  const { body } = await create({ input: { prompt: 'dress her', image_input: [image] } });
  const { last } = await pollUntil(() => get(body['id']), ['failed']);
  expect(last.body['error']).toMatch(/answered 401/);
});

test('a reset forgets deployments and files', async () => {
  const { simulator, post, call } = await start();
  const version = '0513734a452173b8173e907e3a59d19a36266e55b48528559432bd21c7d7e985';
  const settings = { hardware: 'cpu', min_instances: 0, max_instances: 1 };
  const wanted = { name: 'mine', model: 'cuuupid/idm-vton', version, ...settings };
  expect((await post('/replicate/v1/deployments', key, wanted)).status).toBe(200);
  simulator.reset();
  const headers = { authorization: `Bearer ${key}` };
  const list = await call('/replicate/v1/deployments', { headers });
  expect(list.body).toMatchObject({ next: null, previous: null, results: [] });
});
