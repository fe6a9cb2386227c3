import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { NOT_A_PICTURE } from './forms.ts';
import { jsonPost, ledgerOf, pollUntil, setup as setupSimulator } from './setup.ts';

const credentials = { clientId: 'id', clientSecret: 'secret' };
const ends = ['COMPLETED_SUCCESSFULLY', 'COMPLETED_PARTIAL_ERROR', 'COMPLETED_ALL_ERROR'];

async function setup(options: SimulatorOptions = {}) {
  const world = await setupSimulator(options);
  const { call, person, garment } = world;
  const base = '/image-intelligence/v2';
  const authorize = (body: unknown = credentials) => call(`${base}/oauth/token`, jsonPost(body));
  const { body: first } = await authorize();
  let bearer = { authorization: `Bearer ${first['accessToken']}` };
  const post = (path: string, body: unknown) => call(`${base}${path}`, jsonPost(body, bearer));
  return {
    ...world,
    authorize,
    async refresh() {
      bearer = { authorization: `Bearer ${(await authorize()).body['accessToken']}` };
    },
    post,
    get: (path: string) => call(`${base}${path}`, { headers: bearer }),
    detect: (body: Record<string, unknown> = {}) =>
      post('/detect', {
        images: [{ url: person(), customId: 'p' }, { url: garment() }],
        classes: [{ class: 'person', verify: 'NEVER' }],
        ...body,
      }),
  };
}

test('credentials give a token of 24 hours, and wrong ones 401', async () => {
  const { authorize } = await setup({
    providers: { 'image-intelligence': { keys: ['id:secret'] } },
  });
  const { body } = await authorize();
  expect(Number(body['expiresAt']) - Number(body['issuedAt'])).toBe(86_400_000);
  const wrong = { clientId: 'id', clientSecret: 'other' };
  expect((await authorize(wrong)).status).toBe(401);
  expect((await authorize({ clientId: 'id' })).status).toBe(400);
});

test('without a live token everything is 401', async () => {
  const { call, get, simulator } = await setup();
  const stranger = { headers: { authorization: 'Bearer id:secret' } };
  expect((await call('/image-intelligence/v2/detect/x', stranger)).status).toBe(401);
  simulator.reset();
  expect((await get('/detect/x')).status).toBe(401);
});

test('a job is answered whole and in progress', async () => {
  const { detect, person } = await setup();
  const { status, body } = await detect({ customId: 'c1', feedId: 'f1' });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    id: expect.any(String),
    createdAt: expect.any(Number),
    status: 'IN_PROGRESS',
    customId: 'c1',
    feedId: 'f1',
    jobResults: [],
    imageResults: [
      { url: person(), customId: 'p', status: 'IN_PROGRESS', objects: [] },
      { status: 'IN_PROGRESS' },
    ],
  });
});

test('a finished job has labels for each image and an answer for each class', async () => {
  const { detect, get } = await setup();
  const { body } = await detect({ classes: [{ class: 'person', verify: 'ALWAYS' }] });
  const { last } = await pollUntil(() => get(`/detect/${body['id']}`), ends);
  const object = {
    class: 'person',
    confidence: expect.any(Number),
    verdict: expect.any(Boolean),
  };
  expect(last.body).toMatchObject({
    status: 'COMPLETED_SUCCESSFULLY',
    jobResults: [{ class: 'person', hitl: true }],
    imageResults: [
      { status: 'COMPLETED_SUCCESSFULLY', objects: [object] },
      { status: 'COMPLETED_SUCCESSFULLY', objects: [object] },
    ],
  });
});

test('a match answers with one object and no labels', async () => {
  const { post, get, person, garment } = await setup();
  const target = { class: 'shirt', images: [garment()], customId: 't' };
  const { body } = await post('/match', { images: [{ url: person() }], target });
  const { last } = await pollUntil(() => get(`/match/${body['id']}`), ends);
  expect(last.body).toMatchObject({ jobResults: { target, hitl: false } });
  expect(last.body['imageResults']).toEqual([
    expect.not.objectContaining({ objects: expect.anything() }),
  ]);
  expect((await get(`/detect/${body['id']}`)).status).toBe(404);
});

test('each bad image has its own reason, and the job is a partial error', async () => {
  const { detect, get, simulator, garment } = await setup();
  const text = Buffer.from(NOT_A_PICTURE).toString('base64');
  const images = [{ url: `${simulator.url}/assets/none.png` }, { blob: text }, { url: garment() }];
  const { body } = await detect({ images });
  const { last } = await pollUntil(() => get(`/detect/${body['id']}`), ends);
  expect(last.body).toMatchObject({
    status: 'COMPLETED_PARTIAL_ERROR',
    imageResults: [
      { status: 'IMAGE_DOWNLOAD_ERROR', objects: [] },
      { status: 'INVALID_IMAGE_FORMAT_ERROR', url: expect.stringMatching(/quickpix/) },
      { status: 'COMPLETED_SUCCESSFULLY' },
    ],
  });
  const [entry] = ledgerOf(simulator, 'image-intelligence').accepted;
  expect(entry).toMatchObject({ finalStatus: 'COMPLETED_PARTIAL_ERROR', creditsCharged: 3 });
});

test.each([
  ['partial-failure', 'COMPLETED_PARTIAL_ERROR', 'INVALID_IMAGE_FORMAT_ERROR'],
  ['failed', 'COMPLETED_ALL_ERROR', 'DETECTION_ENGINE_ERROR'],
] as const)('%s ends in %s', async (scenario, status, imageStatus) => {
  const { detect, get } = await setup({ scenario });
  const { body } = await detect();
  const { last } = await pollUntil(() => get(`/detect/${body['id']}`), ends);
  expect(last.body).toMatchObject({ status, imageResults: [{ status: imageStatus }, {}] });
});

test('the webhook has the whole job, unsigned, and only 200 ends its repeats', async () => {
  const { detect, get, receiver, simulator } = await setup({ timeScale: 0.0001 });
  receiver.answers.push(204, 202);
  const { body } = await detect({ webhookUrl: receiver.url });
  const received = await receiver.until(3);
  expect(received[2]?.body).toEqual((await get(`/detect/${body['id']}`)).body);
  await expect
    .poll(() =>
      ledgerOf(simulator, 'image-intelligence').accepted[0]?.webhookAttempts.map(
        ({ answeredStatus }) => answeredStatus,
      ),
    )
    .toEqual([204, 202, 200]);
});

test('a job whose answer was lost is found by its customId, among its own kind', async () => {
  const { detect, get, simulator } = await setup();
  simulator.setScenario('lost-reply', { provider: 'image-intelligence', count: 1 });
  await expect(detect({ customId: 'mine' })).rejects.toThrow('fetch failed');
  await detect({ customId: 'other' });
  const { body } = await get('/detect?customId=mine');
  expect(body).toEqual([expect.objectContaining({ customId: 'mine' })]);
  expect((await get('/match?customId=mine')).body).toEqual([]);
  expect((await get(`/detect?after=${Date.now() + 60_000}`)).body).toEqual([]);
  expect(ledgerOf(simulator, 'image-intelligence').searches).toBe(3);
});

test('expired-token answers 401 to the first submit and the first poll, and accepts one job', async () => {
  const { detect, get, refresh, simulator } = await setup({ scenario: 'expired-token' });
  expect((await detect()).status).toBe(401);
  expect((await detect()).status).toBe(401);
  await refresh();
  const { status, body } = await detect();
  expect(status).toBe(200);
  expect((await get(`/detect/${body['id']}`)).status).toBe(401);
  await refresh();
  expect((await get(`/detect/${body['id']}`)).status).toBe(200);
  const book = ledgerOf(simulator, 'image-intelligence');
  expect(book.accepted).toHaveLength(1);
  expect(book.tokensIssued).toBe(3);
});

test('expired-token set for one submit stays with it until its first poll, and leaves others alone', async () => {
  const { detect, get, refresh, simulator, person } = await setup();
  simulator.setScenario('expired-token', { provider: 'image-intelligence', count: 1 });
  expect((await detect()).status).toBe(401);
  await refresh();
  const { body } = await detect();
  const other = await detect({ images: [{ url: person() }] });
  expect((await get(`/detect/${other.body['id']}`)).status).toBe(200);
  expect((await get(`/detect/${body['id']}`)).status).toBe(401);
});

test('a token that has outlived its configured life is refused', async () => {
  const { get } = await setup({
    providers: { 'image-intelligence': { tokenLifetimeMs: 0 } },
  });
  expect((await get('/detect')).status).toBe(401);
});

test.each([
  ['no images', { images: [] }],
  ['65 images', { images: Array.from({ length: 65 }, () => ({ url: 'https://a.test/p.png' })) }],
  ['an image that is neither URL nor blob', { images: [{ customId: 'x' }] }],
  ['no classes', { classes: [] }],
  ['a customId of 65 characters', { customId: 'x'.repeat(65) }],
  ['a webhookUrl of 513 characters', { webhookUrl: `https://a.test/${'x'.repeat(498)}` }],
])('%s is refused with 400', async (_what, body) => {
  const { detect } = await setup();
  expect(await detect(body)).toMatchObject({ status: 400, body: { message: expect.any(String) } });
});
