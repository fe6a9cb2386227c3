import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { startSimulator } from '../../simulator/server/start-simulator.ts';
import { example, formOf, NOT_A_PICTURE } from './forms.ts';
import { ledgerOf, pollUntil, setup as setupSimulator } from './setup.ts';

const headers = { 'X-API-KEY': 'f'.repeat(64) };

async function setup(options: SimulatorOptions = {}) {
  const world = await setupSimulator(options);
  const [person, shirt, jacket] = await Promise.all(
    ['person.png', 'garment-shirt.png', 'garment-jacket.png'].map(example),
  );
  if (!person || !shirt || !jacket) throw new Error('the examples are missing');
  const post = (path: string, parts: Parameters<typeof formOf>[0]) =>
    world.call(`/fitroom/api/tryon/${path}`, { method: 'POST', headers, body: formOf(parts) });
  return {
    ...world,
    post,
    person,
    shirt,
    jacket,
    submit: (parts: Parameters<typeof formOf>[0] = {}) =>
      post('v2/tasks', { model_image: person, cloth_image: shirt, cloth_type: 'upper', ...parts }),
    get: (id: unknown) => world.call(`/fitroom/api/tryon/v2/tasks/${id}`, { headers }),
  };
}

test('a task is CREATED, and ends COMPLETED with a fresh signed link at every poll', async () => {
  const { submit, get, simulator } = await setup();
  simulator.setScenario('stuck', { provider: 'fitroom', count: 1 });
  const { body: waiting } = await submit();
  expect((await get(waiting['task_id'])).body['status']).toBe('CREATED');
  const { status, body } = await submit();
  expect({ status, body }).toEqual({
    status: 200,
    body: { task_id: expect.any(String), status: 'CREATED' },
  });
  const { last } = await pollUntil(() => get(body['task_id']), ['COMPLETED']);
  expect(last.body).toMatchObject({ task_id: body['task_id'], progress: 100 });
  const again = await get(body['task_id']);
  expect(again.body['download_signed_url']).not.toBe(last.body['download_signed_url']);
  const picture = await fetch(String(again.body['download_signed_url']));
  expect(picture.headers.get('content-type')).toBe('image/png');
});

test('hd_mode gives 2048 pixels', async () => {
  const { submit, get } = await setup();
  const { body } = await submit({ hd_mode: 'true' });
  const { last } = await pollUntil(() => get(body['task_id']), ['COMPLETED']);
  const png = await (await fetch(String(last.body['download_signed_url']))).arrayBuffer();
  const { width, height } = await sharp(Buffer.from(png)).metadata();
  expect(Math.max(width, height)).toBe(2048);
});

test('a combo takes a lower garment, and is refused without one', async () => {
  const { submit, jacket } = await setup();
  expect((await submit({ cloth_type: 'combo', lower_cloth_image: jacket })).status).toBe(200);
  expect((await submit({ cloth_type: 'combo' })).status).toBe(400);
});

test.each([
  ["the pre-check's word for a dress", { cloth_type: 'full' }],
  ['a URL instead of a file', { model_image: 'https://a.test/p.png' }],
  ['an empty file', { cloth_image: new Uint8Array() }],
])('%s is refused with 400', async (_what, parts) => {
  const { submit } = await setup();
  expect(await submit(parts)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
});

test('JSON is refused, and so is a body that only claims to be a form', async () => {
  const { call } = await setup();
  for (const type of ['application/json', 'multipart/form-data; boundary=b']) {
    const init = { method: 'POST', headers: { ...headers, 'content-type': type }, body: '{}' };
    expect((await call('/fitroom/api/tryon/v2/tasks', init)).status).toBe(400);
  }
});

test.each(['error', 'error_message'])('a switch puts the failure into %s', async (field) => {
  const { submit, get } = await setup({
    scenario: 'failed',
    providers: { fitroom: { switches: { 'error-field': field } } },
  });
  const { body } = await submit();
  const { last } = await pollUntil(() => get(body['task_id']), ['FAILED']);
  expect(last.body[field]).toEqual(expect.any(String));
});

test('the pre-checks tell a picture from another file, and accept no task', async () => {
  const { post, person, simulator } = await setup();
  expect((await post('input_check/v1/model', { input_image: person })).body).toEqual({
    is_good: true,
    good_clothes_types: ['upper', 'lower', 'full'],
  });
  const text = NOT_A_PICTURE;
  expect((await post('input_check/v1/clothes', { input_image: text })).body).toMatchObject({
    is_clothes: false,
    error_code: 'INVALID_IMAGE',
  });
  expect(ledgerOf(simulator, 'fitroom').accepted).toEqual([]);
});

test('the pre-checks refuse, and take a picture for what the switches say', async () => {
  const { post, person } = await setup({
    providers: { fitroom: { switches: { 'input-checks': 'refuse' } } },
  });
  const refused = await post('input_check/v1/model', { input_image: person });
  expect(refused).toMatchObject({
    status: 200,
    body: { is_good: false, error_code: expect.any(String), message: expect.any(String) },
  });
  const other = await setup({ providers: { fitroom: { switches: { 'clothes-type': 'lower' } } } });
  expect((await other.post('input_check/v1/clothes', { input_image: person })).body).toEqual({
    is_clothes: true,
    clothes_type: 'lower',
  });
});

test('no key is 401, no credits 402, an unknown task 404', async () => {
  const { call, submit, get, simulator } = await setup({ scenario: 'out-of-credit' });
  expect((await call('/fitroom/api/tryon/v2/tasks/x')).status).toBe(401);
  expect((await submit()).status).toBe(402);
  expect((await get('nobody')).status).toBe(404);
  expect(ledgerOf(simulator, 'fitroom').accepted).toEqual([]);
});

test('result-expired completes with a link that is dead', async () => {
  const { submit, get } = await setup({ scenario: 'result-expired' });
  const { body } = await submit();
  const { last } = await pollUntil(() => get(body['task_id']), ['COMPLETED']);
  expect((await fetch(String(last.body['download_signed_url']))).status).toBe(403);
});

test('a webhook cannot be configured for a provider that sends none', async () => {
  const { simulator } = await setup();
  expect(() => simulator.setWebhook('fitroom', 'https://a.test/')).toThrow(/sends no webhooks/);
  await expect(
    startSimulator({ providers: { fitroom: { webhookUrl: 'https://a.test/' } } }),
  ).rejects.toThrow(/sends no webhooks/);
});
