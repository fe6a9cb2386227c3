import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { example, formOf, NOT_A_PICTURE } from './forms.ts';
import { ledgerOf, pollUntil, setup as setupSimulator } from './setup.ts';

const headers = { authorization: 'Bearer ta_tests' };

async function setup(options: SimulatorOptions & { switches?: Record<string, string> } = {}) {
  const { switches, ...rest } = options;
  const world = await setupSimulator({
    ...rest,
    ...(switches && { providers: { 'tryon-api': { switches } } }),
  });
  const [person, shirt] = await Promise.all([example('person.png'), example('garment-shirt.png')]);
  return {
    ...world,
    person,
    shirt,
    submit: (parts: Parameters<typeof formOf>[0] = {}) =>
      world.call('/tryon-api/api/v1/tryon', {
        method: 'POST',
        headers,
        body: formOf({ person_images: person, garment_images: shirt, ...parts }),
      }),
    get: (statusUrl: unknown) => world.call(String(statusUrl), { headers }),
  };
}

test('a job is 202 with a relative status address, which leads to a picture', async () => {
  const { submit, get, simulator } = await setup({ timeScale: 0.1 });
  const { status, body } = await submit({ fast_mode: 'true' });
  expect(status).toBe(202);
  expect(body).toEqual({
    jobId: expect.any(String),
    statusUrl: `/tryon-api/api/v1/tryon/status/${body['jobId']}`,
  });
  const { last, seen } = await pollUntil(() => get(body['statusUrl']), ['completed']);
  expect(seen).toEqual(['processing', 'completed']);
  expect(last.body).toEqual({
    jobId: body['jobId'],
    status: 'completed',
    imageUrl: expect.stringMatching(/\/results\/[0-9a-f-]+\.png$/),
    result: { objectKey: expect.any(String) },
  });
  expect(ledgerOf(simulator, 'tryon-api').accepted[0]?.creditsCharged).toBe(1);
});

test('a switch gives the picture inline instead of its address', async () => {
  const { submit, get } = await setup({ switches: { result: 'base64' } });
  const { body } = await submit();
  const { last } = await pollUntil(() => get(body['statusUrl']), ['completed']);
  expect(last.body['imageUrl']).toBeUndefined();
  const png = Buffer.from(String(last.body['imageBase64']), 'base64');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
});

test.each(['failed', 'invalid_input'])('a file that is no picture ends in %s', async (word) => {
  const { submit, get } = await setup({ switches: { 'bad-input-status': word } });
  const { body } = await submit({ garment_images: NOT_A_PICTURE });
  const { last } = await pollUntil(() => get(body['statusUrl']), [word]);
  expect(last.body).toEqual({
    jobId: body['jobId'],
    status: word,
    error: expect.any(String),
    errorCode: 'INVALID_IMAGE',
    result: { code: 'INVALID_IMAGE', message: expect.any(String) },
  });
});

test('a broken pipeline ends in failed, whatever the word for bad input', async () => {
  const { submit, get } = await setup({
    scenario: 'failed',
    switches: { 'bad-input-status': 'invalid_input' },
  });
  const { body } = await submit();
  const { last } = await pollUntil(() => get(body['statusUrl']), ['failed']);
  expect(last.body['errorCode']).toBe('GENERATION_FAILED');
});

test('URLs instead of files, and two garments, are refused with 400', async () => {
  const { submit, call, person, shirt } = await setup();
  expect(await submit({ person_images: 'https://a.test/p.png' })).toMatchObject({
    status: 400,
    body: { error: expect.any(String) },
  });
  const body = formOf({ person_images: person, garment_images: shirt });
  body.append('garment_images', new Blob([shirt]), 'second.png');
  const init = { method: 'POST', headers, body };
  expect((await call('/tryon-api/api/v1/tryon', init)).status).toBe(400);
});

test('a key of another look is 401, no credits 402, an unknown job 404', async () => {
  const { call, submit, get } = await setup({ scenario: 'out-of-credit' });
  const wrong = { headers: { authorization: 'Bearer sk_x' } };
  expect((await call('/tryon-api/api/v1/tryon/status/x', wrong)).status).toBe(401);
  expect((await submit()).status).toBe(402);
  expect((await get('/tryon-api/api/v1/tryon/status/x')).status).toBe(404);
});

test('a callback_url is passed over unless the assumption is switched on', async () => {
  const { submit, get, receiver } = await setup();
  const { body } = await submit({ callback_url: receiver.url });
  await pollUntil(() => get(body['statusUrl']), ['completed']);
  expect(receiver.received).toEqual([]);
});

test('with the switch on, the callback has the body of the poll, unsigned', async () => {
  const { submit, get, receiver } = await setup({ switches: { callback: 'callback_url' } });
  const { body } = await submit({ callback_url: receiver.url });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toEqual((await get(body['statusUrl'])).body);
  expect(Object.keys(webhook?.headers ?? {}).filter((name) => name.includes('sign'))).toEqual([]);
});
