import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { jsonPost, ledgerOf, pollUntil, setup } from './setup.ts';

const KEY = { 'x-api-key': 'SG_tests' };

/** A simulator, and short ways to speak Segmind to it. */
async function segmindSetup(options: SimulatorOptions = {}) {
  const world = await setup(options);
  const get = (path: string) => world.call(`/segmind${path}`, { headers: KEY });
  const post = (path: string, body: unknown) => world.call(`/segmind${path}`, jsonPost(body, KEY));
  const wish = (query = '', more: Record<string, unknown> = {}) => ({
    model_image: world.person(query),
    cloth_image: world.garment(),
    category: 'Upper body',
    ...more,
  });
  const submit = (query?: string, more?: Record<string, unknown>) =>
    post('/v2/try-on-diffusion', wish(query, more));
  /** The result of a request, once its status is one of the ends. */
  const resultOf = async (id: unknown) => {
    const status = () => get(`/v2/requests/${id}/status`);
    const { last, seen } = await pollUntil(status, ['COMPLETED', 'FAILED']);
    return { status: last, seen, result: await get(`/v2/requests/${id}`) };
  };
  return { ...world, get, post, wish, submit, resultOf };
}

test('a submission is queued, and says where to ask', async () => {
  const { simulator, submit } = await segmindSetup();
  const { status, body } = await submit();
  const own = `${simulator.url}/segmind/v2/requests/${body['request_id']}`;
  expect(status).toBe(200);
  expect(body).toMatchObject({
    request_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    status: 'QUEUED',
    status_url: `${own}/status`,
    response_url: own,
  });
});

test('a request goes from QUEUED to COMPLETED; only the result has its output', async () => {
  const { get, submit, resultOf } = await segmindSetup();
  const { body: waiting } = await submit('?simulate=stuck');
  const asked = await get(`/v2/requests/${waiting['request_id']}/status`);
  expect(asked.body['status']).toBe('QUEUED');
  const { status, result } = await resultOf((await submit()).body['request_id']);
  expect(status.body).not.toHaveProperty('output');
  expect(result.body).toMatchObject({
    status: 'COMPLETED',
    output: expect.stringMatching(/\/results\/[0-9a-f-]+\.png$/),
    metrics: { inference_time: expect.any(Number) },
  });
});

test.each([
  ['array', [expect.stringMatching(/\.png$/)]],
  ['object', { url: expect.stringMatching(/\.png$/) }],
  ['json-text', expect.stringMatching(/^\["http.*\.png"\]$/)],
  ['base64', expect.stringMatching(/^iVBORw0KGgo/)],
])('the output is %s when the switch says so', async (output, expected) => {
  const { submit, resultOf } = await segmindSetup({
    providers: { segmind: { switches: { output } } },
  });
  const { result } = await resultOf((await submit()).body['request_id']);
  expect(result.body['output']).toEqual(expected);
});

test.each([
  ['?simulate=failed', 'pipeline'],
  ['?simulate=moderation', 'NSFW'],
])('a request with %s is FAILED under 422 at both addresses', async (query, word) => {
  const { submit, resultOf } = await segmindSetup();
  const { status, result } = await resultOf((await submit(query)).body['request_id']);
  for (const { status: code, body } of [status, result]) {
    expect(code).toBe(422);
    expect(body).toMatchObject({ status: 'FAILED', error: expect.stringContaining(word) });
  }
});

test('an image that is not there fails the request', async () => {
  const { submit, resultOf, simulator } = await segmindSetup();
  const { body } = await submit('', { cloth_image: `${simulator.url}/assets/missing.png` });
  const { status } = await resultOf(body['request_id']);
  expect(status.body).toMatchObject({ status: 'FAILED', error: expect.stringContaining('image') });
});

test('version 1 holds the call and answers with the picture itself', async () => {
  const { simulator, wish } = await segmindSetup();
  const response = await fetch(
    `${simulator.url}/segmind/v1/try-on-diffusion`,
    jsonPost(wish(), KEY),
  );
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('image/png');
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes.subarray(0, 4).toString('latin1')).toBe('\x89PNG');
});

test('version 1 answers base64 when asked, and a failure with 422', async () => {
  const { post, wish } = await segmindSetup();
  const good = await post('/v1/try-on-diffusion', wish('', { base64: true }));
  expect(good.body['image']).toMatch(/^iVBORw0KGgo/);
  const bad = await post('/v1/try-on-diffusion', wish('?simulate=failed'));
  expect(bad).toMatchObject({ status: 422, body: { status: 'FAILED' } });
});

test('every model has parameter names of its own', async () => {
  const { post, wish, person, garment, simulator } = await segmindSetup();
  const idm = { human_img: person(), garm_img: garment(), category: 'dresses' };
  const pruna = { person_image: person(), garment_images: [garment(), garment('trousers')] };
  expect((await post('/v2/idm-vton', idm)).status).toBe(200);
  expect((await post('/v2/p-image-try-on', pruna)).status).toBe(200);
  for (const [slug, body] of [
    ['idm-vton', wish()],
    ['p-image-try-on', { ...pruna, garment_images: [] }],
    ['try-on-diffusion', idm],
    ['try-on-diffusion', wish('', { category: 'dresses' })],
  ] as const) {
    expect(await post(`/v2/${slug}`, body)).toMatchObject({
      status: 400,
      body: { error: expect.any(String) },
    });
  }
  expect(ledgerOf(simulator, 'segmind').accepted).toHaveLength(2);
});

test('a missing key is 401, an unknown model or request 404, each with its error', async () => {
  const { call, get, post } = await segmindSetup();
  const error = { error: expect.any(String) };
  expect(await call('/segmind/v1/get-user-credits')).toMatchObject({ status: 401, body: error });
  expect(await post('/v2/sdxl', {})).toMatchObject({ status: 404, body: error });
  expect(await get('/v2/requests/nobody/status')).toMatchObject({ status: 404, body: error });
});

test('a new request is missing at first when the switch says so', async () => {
  const switches = { 'new-request': 'missing' };
  const { submit, get } = await segmindSetup({
    scenario: 'stuck',
    providers: { segmind: { switches } },
  });
  const { body } = await submit();
  expect((await get(`/v2/requests/${body['request_id']}/status`)).status).toBe(404);
});

test('each submission costs one credit, and the rate is told', async () => {
  const { submit, get } = await segmindSetup({ providers: { segmind: { credits: 2 } } });
  const { headers } = await submit();
  expect(headers.get('x-rate-limit-remaining')).toMatch(/^\d+$/);
  expect((await get('/v1/get-user-credits')).body).toEqual({ credits: 1, 'free-credits': 0 });
  await submit('?other');
  expect(await submit('?third')).toMatchObject({
    status: 402,
    body: { error: expect.any(String) },
  });
});

test('too many submissions are 429 with Retry-After', async () => {
  const { submit } = await segmindSetup({ providers: { segmind: { submitsPerMinute: 1 } } });
  await submit();
  const second = await submit('?second');
  expect(second.status).toBe(429);
  expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
});

test.each([
  ['', 'COMPLETED'],
  ['?simulate=failed', 'FAILED'],
])(
  'poll_url tells all that response_url tells, of a request with %j that ends %s',
  async (query, end) => {
    const { call, simulator, submit } = await segmindSetup();
    const { body } = await submit(query);
    const id = String(body['request_id']);
    expect(body['poll_url']).toBe(`${simulator.url}/segmind/v1/requests/${id}`);
    const ask = (name: string) =>
      call(String(body[name]).replace(simulator.url, ''), { headers: KEY });
    const { last } = await pollUntil(() => ask('poll_url'), ['COMPLETED', 'FAILED']);
    expect(last.body['status']).toBe(end);
    const result = await ask('response_url');
    expect(last).toMatchObject({ status: result.status, body: result.body });
    expect(last.body['output']).toEqual(query ? null : expect.stringMatching(/\.png$/));
  },
);

test('poll_url of a request that nobody has is 404 with its error', async () => {
  const { get } = await segmindSetup();
  expect(await get('/v1/requests/nobody')).toMatchObject({
    status: 404,
    body: { error: expect.any(String) },
  });
});

test.each([
  ['png', 'png'],
  ['jpg', 'jpeg'],
  ['webp', 'webp'],
])('p-image-try-on saves its picture as %s when asked', async (output_format, format) => {
  const { post, person, garment, resultOf, simulator } = await segmindSetup();
  const wish = { person_image: person(), garment_images: [garment()], output_format };
  const { body } = await post('/v2/p-image-try-on', wish);
  const { result } = await resultOf(body['request_id']);
  const response = await fetch(String(result.body['output']));
  expect(response.headers.get('content-type')).toBe(`image/${format}`);
  const picture = Buffer.from(await response.arrayBuffer());
  expect((await sharp(picture).metadata()).format).toBe(format);
  const inline = await fetch(`${simulator.url}/segmind/v1/p-image-try-on`, jsonPost(wish, KEY));
  expect(inline.headers.get('content-type')).toBe(`image/${format}`);
});

test('a model or a mode that there is no stand-in for is refused by name', async () => {
  const { post, person, garment } = await segmindSetup();
  for (const version of ['v1', 'v2']) {
    expect(await post(`/${version}/sdxl`, {})).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining('sdxl is not supported by the simulator') },
    });
  }
  const masked = { human_img: person(), garm_img: garment(), mask_only: true };
  expect(await post('/v2/idm-vton', masked)).toMatchObject({
    status: 400,
    body: { error: expect.stringMatching(/not supported by the simulator[\s\S]*mask_only/) },
  });
});
