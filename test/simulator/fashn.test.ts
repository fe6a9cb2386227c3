import sharp from 'sharp';
import { expect, test } from 'vitest';
import { ledgerOf, pollUntil, setup } from './setup.ts';

test('a run is answered with an opaque id and no error', async () => {
  const { fashn } = await setup();
  const { status, body } = await fashn.run();
  expect(status).toBe(200);
  expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}-u1$/), error: null });
});

test('a prediction starts in starting and ends completed, with an output and its price', async () => {
  const { fashn } = await setup();
  const { body: waiting } = await fashn.run({ query: '?simulate=stuck' });
  expect((await fashn.get(`/status/${waiting['id']}`)).body['status']).toBe('starting');
  const { body } = await fashn.run();
  const { last } = await pollUntil(() => fashn.get(`/status/${body['id']}`), ['completed']);
  expect(last.body).toEqual({
    id: body['id'],
    status: 'completed',
    output: [expect.stringMatching(/\/results\/[0-9a-f-]+\.png$/)],
    error: null,
  });
  expect(last.headers.get('x-fashn-credits-used')).toBe('1');
});

test('the webhook goes unsigned to the URL in the query, with the whole status body', async () => {
  const { fashn, receiver } = await setup();
  const { body } = await fashn.run({ webhookUrl: receiver.url });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toEqual({
    id: body['id'],
    status: 'completed',
    output: [expect.any(String)],
    error: null,
  });
  expect(Object.keys(webhook?.headers ?? {}).filter((name) => name.includes('sign'))).toEqual([]);
});

test('a refused webhook is tried again five times', async () => {
  const { fashn, receiver, simulator } = await setup({ timeScale: 0.0001 });
  receiver.answers.push(...Array.from({ length: 9 }, () => 400));
  await fashn.run({ webhookUrl: receiver.url });
  await receiver.until(6);
  await expect.poll(() => ledgerOf(simulator, 'fashn').accepted[0]?.webhookAttempts.length).toBe(6);
});

test('each picture costs one credit, and a failure gives it back', async () => {
  const { fashn, simulator, receiver } = await setup({ providers: { fashn: { credits: 2_000 } } });
  await fashn.run({ inputs: { num_samples: 3 } });
  const before = await fashn.get('/credits');
  expect(before.body).toEqual({ credits: { total: 1_997, subscription: 997, on_demand: 1_000 } });
  await fashn.run({ query: '?simulate=failed', webhookUrl: receiver.url });
  await receiver.until(1);
  expect(ledgerOf(simulator, 'fashn')).toMatchObject({
    creditsLeft: 1_997,
    accepted: [{ creditsCharged: 3 }, { creditsCharged: 1, creditsRefunded: 1 }],
  });
});

test.each([
  ['?simulate=failed', 'PipelineError'],
  ['?simulate=moderation', 'ContentModerationError'],
])('a prediction with %s fails with %s, as HTTP 200 without output', async (query, name) => {
  const { fashn } = await setup();
  const { body } = await fashn.run({ query });
  const { last } = await pollUntil(() => fashn.get(`/status/${body['id']}`), ['failed']);
  expect(last.status).toBe(200);
  expect(last.body).toEqual({
    id: body['id'],
    status: 'failed',
    error: { name, message: expect.any(String) },
  });
});

test.each([
  ['a picture that is not there', '/assets/missing.png'],
  ['a file that is not a picture', '/_simulator/ledger'],
])('%s fails the prediction with ImageLoadError', async (_what, path) => {
  const { fashn, simulator } = await setup();
  const { body } = await fashn.run({
    inputs: { garment_image: `${simulator.url}${path}` },
  });
  const { last } = await pollUntil(() => fashn.get(`/status/${body['id']}`), ['failed']);
  expect(last.body['error']).toMatchObject({ name: 'ImageLoadError' });
});

test('inline images are accepted, and return_base64 gives a picture back inline', async () => {
  const { fashn, garment } = await setup();
  const bytes = Buffer.from(await (await fetch(garment())).arrayBuffer());
  const { body } = await fashn.run({
    inputs: {
      garment_image: `data:image/png;base64,${bytes.toString('base64')}`,
      return_base64: true,
    },
  });
  const { last } = await pollUntil(() => fashn.get(`/status/${body['id']}`), ['completed']);
  expect(last.body['output']).toEqual([expect.stringMatching(/^data:image\/png;base64,/)]);
});

test('tryon-max names the garment product_image', async () => {
  const { post, person, garment, simulator } = await setup();
  const inputs = { model_image: person(), product_image: garment(), resolution: '4k' };
  const answer = await post('/fashn/v1/run', 'k', { model_name: 'tryon-max', inputs });
  expect(answer.status).toBe(200);
  // "Try-On Max": `balanced` costs 2, 3 or 4 credits, `quality` one more, for each picture.
  expect(ledgerOf(simulator, 'fashn').accepted[0]?.creditsCharged).toBe(4);
  const more = { ...inputs, resolution: '2k', generation_mode: 'quality', num_images: 3 };
  await post('/fashn/v1/run', 'k', { model_name: 'tryon-max', inputs: more });
  expect(ledgerOf(simulator, 'fashn').accepted[1]?.creditsCharged).toBe(12);
});

test('image-to-video makes a real film: every JPEG of it lies where the table says', async () => {
  const { fashn, post, person } = await setup();
  const inputs = { image: person(), resolution: '480p', duration: 5 };
  const { body } = await post('/fashn/v1/run', 'k', { model_name: 'image-to-video', inputs });
  const { last } = await pollUntil(() => fashn.get(`/status/${body['id']}`), ['completed']);
  expect(last.headers.get('x-fashn-credits-used')).toBe('1');
  const [link] = last.body['output'] as [string];
  const answer = await fetch(link);
  expect(answer.headers.get('content-type')).toBe('video/mp4');
  const film = Buffer.from(await answer.arrayBuffer());
  expect(film.toString('latin1', 4, 12)).toBe('ftypisom');
  const table = (name: string) => film.indexOf(name, 0, 'latin1') + 4;
  let at = film.readUInt32BE(table('stco') + 8);
  const count = film.readUInt32BE(table('stsz') + 8);
  expect(count).toBe(20);
  for (let n = 0; n < count; n++) {
    const size = film.readUInt32BE(table('stsz') + 12 + 4 * n);
    const { format, height } = await sharp(film.subarray(at, at + size)).metadata();
    expect({ format, height }).toEqual({ format: 'jpeg', height: 852 });
    at += size;
  }
  expect(at).toBe(film.length);
});

test.each([
  [
    'product-to-model',
    { product_image: 'garment', model_image: 'person', image_prompt: 'person' },
    /cannot be combined/,
  ],
  [
    'image-to-video',
    { image: 'person', end_image: 'garment', resolution: '720p' },
    /requires resolution 1080p/,
  ],
])(
  '%s with inputs that exclude each other fails with InputValidationError',
  async (model_name, wanted, says) => {
    const { fashn, post, person, garment } = await setup();
    const pictures: Record<string, string> = { person: person(), garment: garment() };
    const inputs = Object.fromEntries(
      Object.entries(wanted).map(([name, value]) => [name, pictures[value] ?? value]),
    );
    const { body } = await post('/fashn/v1/run', 'k', { model_name, inputs });
    const { last } = await pollUntil(() => fashn.get(`/status/${body['id']}`), ['failed']);
    expect(last.body['error']).toEqual({
      name: 'InputValidationError',
      message: expect.stringMatching(says),
    });
  },
);

test.each([
  ['an unknown model', { model_name: 'nothing', inputs: {} }],
  ['a missing garment', { model_name: 'tryon-v1.6', inputs: { model_image: 'https://a.test/p' } }],
  [
    'a raw base64 image',
    { model_name: 'tryon-v1.6', inputs: { model_image: 'AAAA', garment_image: 'AAAA' } },
  ],
])('%s is refused with 400 BadRequest', async (_what, body) => {
  const { post } = await setup();
  expect(await post('/fashn/v1/run', 'k', body)).toMatchObject({
    status: 400,
    body: { error: 'BadRequest', message: expect.any(String) },
  });
});

test('a missing key is 401 UnauthorizedAccess, an unknown id 404 NotFound', async () => {
  const { call, fashn } = await setup();
  expect(await call('/fashn/v1/credits')).toMatchObject({
    status: 401,
    body: { error: 'UnauthorizedAccess' },
  });
  expect(await fashn.get('/status/nobody')).toMatchObject({
    status: 404,
    body: { error: 'NotFound' },
  });
});

test('a configured number of live tasks is enforced without a Retry-After', async () => {
  const { fashn } = await setup({
    scenario: 'stuck',
    providers: { fashn: { concurrentTasks: 1 } },
  });
  await fashn.run();
  const second = await fashn.run();
  expect(second).toMatchObject({ status: 429, body: { error: 'ConcurrencyLimitExceeded' } });
  expect(second.headers.get('retry-after')).toBeNull();
});
