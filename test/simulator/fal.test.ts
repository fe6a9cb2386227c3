import { createHash, createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../simulator/server/options.ts';
import { jsonPost, ledgerOf, pollUntil, type ReceivedWebhook, setup } from './setup.ts';

const APP = '/fal/fal-ai/fashn';
const KEY = { authorization: 'Key id:secret' };

/** A simulator, and short ways to speak fal to it. */
async function falSetup(options: SimulatorOptions = {}) {
  const world = await setup(options);
  const ask = (path: string, method = 'GET') =>
    world.call(`${APP}${path}`, { method, headers: KEY });
  const input = (query = '', more: Record<string, unknown> = {}) => ({
    model_image: world.person(query),
    garment_image: world.garment(),
    ...more,
  });
  const submit = (query = '', more: Record<string, unknown> = {}, webhookUrl?: string) => {
    const hook = webhookUrl ? `?fal_webhook=${encodeURIComponent(webhookUrl)}` : '';
    return world.call(`${APP}/tryon/v1.6${hook}`, jsonPost(input(query, more), KEY));
  };
  /** What the response address says once the request is COMPLETED. */
  const resultOf = async (id: unknown) => {
    const { last, seen } = await pollUntil(() => ask(`/requests/${id}/status`), ['COMPLETED']);
    return { status: last, seen, result: await ask(`/requests/${id}`) };
  };
  const fits = async ({ headers, bytes }: ReceivedWebhook) => {
    const jwks: { keys: Record<string, string>[] } = JSON.parse(
      JSON.stringify((await world.call('/fal/.well-known/jwks.json')).body),
    );
    const hash = createHash('sha256').update(bytes).digest('hex');
    const named = ['request-id', 'user-id', 'timestamp'].map(
      (name) => headers[`x-fal-webhook-${name}`],
    );
    const message = Buffer.from([...named, hash].join('\n'));
    const signature = Buffer.from(String(headers['x-fal-webhook-signature']), 'hex');
    return jwks.keys.map(({ kty = '', crv = '', x = '' }) => {
      const jwk = { kty, crv, x: x.replace(/=+$/, '') };
      return verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), signature);
    });
  };
  return { ...world, ask, input, submit, resultOf, fits };
}

test('a request is 202 while it is pending, and 200 when it is COMPLETED', async () => {
  const { ask, submit, resultOf } = await falSetup();
  const { body: waiting } = await submit('?simulate=stuck');
  const first = await ask(`/requests/${waiting['request_id']}/status`);
  expect(first).toMatchObject({ status: 202, body: { status: 'IN_QUEUE', queue_position: 0 } });
  expect((await ask(`/requests/${waiting['request_id']}`)).status).toBe(202);
  const { body } = await submit('', { num_samples: 2 });
  const { status, result } = await resultOf(body['request_id']);
  expect(status.status).toBe(200);
  const picture = { url: expect.stringMatching(/\.png$/), content_type: 'image/png' };
  expect(result).toMatchObject({ status: 200, body: { images: [picture, picture] } });
});

test.each([
  ['?simulate=failed', 500, 'internal_server_error', 'true'],
  ['?simulate=moderation', 422, 'content_policy_violation', 'false'],
])('a request with %s is COMPLETED, and its result is %d', async (query, code, type, retryable) => {
  const { submit, resultOf } = await falSetup();
  const { status, result } = await resultOf((await submit(query)).body['request_id']);
  expect(status).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
  expect(result.status).toBe(code);
  expect(result.headers.get('x-fal-retryable')).toBe(retryable);
  expect(result.body).toEqual({
    detail: [{ loc: ['body'], msg: expect.any(String), type, url: expect.any(String) }],
  });
});

test('an error is a bare sentence when the switch says so', async () => {
  const { submit, resultOf } = await falSetup({
    providers: { fal: { switches: { errors: 'legacy' } } },
  });
  const { result } = await resultOf((await submit('?simulate=failed')).body['request_id']);
  expect(result).toMatchObject({ status: 500, body: { detail: expect.any(String) } });
});

test('an image that is not there fails the request with file_download_error', async () => {
  const { submit, resultOf, simulator } = await falSetup();
  const { body } = await submit('', { garment_image: `${simulator.url}/assets/missing.png` });
  const { result } = await resultOf(body['request_id']);
  expect(result).toMatchObject({
    status: 422,
    body: { detail: [{ type: 'file_download_error' }] },
  });
});

test('the webhook is signed with one of the published keys, over the raw bytes', async () => {
  const { submit, receiver, fits } = await falSetup();
  const { body } = await submit('', {}, receiver.url);
  const webhook = await receiver.first();
  expect(webhook.headers['x-fal-webhook-request-id']).toBe(body['request_id']);
  expect(await fits(webhook)).toEqual([false, true]);
  expect(webhook.body).toEqual({
    request_id: body['request_id'],
    gateway_request_id: body['request_id'],
    status: 'OK',
    payload: {
      images: [
        {
          url: expect.any(String),
          content_type: 'image/png',
          file_name: expect.stringMatching(/\.png$/),
        },
      ],
    },
  });
});

test('a configured secret is another key, which is then the published one', async () => {
  const { submit, receiver, fits, call } = await falSetup({
    providers: { fal: { secret: 'mine' } },
  });
  const usual = await falSetup();
  await submit('', {}, receiver.url);
  const webhook = await receiver.first();
  expect(await fits(webhook)).toEqual([false, true]);
  expect(await usual.fits(webhook)).toEqual([false, false]);
  expect((await call('/fal/.well-known/jwks.json')).status).toBe(200);
});

test('a failure is told as ERROR with its details', async () => {
  const { submit, receiver } = await falSetup();
  await submit('?simulate=moderation', {}, receiver.url);
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toMatchObject({
    status: 'ERROR',
    error: 'Invalid status code: 422',
    payload: { detail: [{ type: 'content_policy_violation' }] },
  });
});

test('the payload and the gateway’s id are what the switches say', async () => {
  const switches = { payload: 'missing', 'gateway-id': 'other' };
  const { submit, receiver } = await falSetup({ providers: { fal: { switches } } });
  const { body } = await submit('', {}, receiver.url);
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toMatchObject({
    request_id: body['request_id'],
    payload: null,
    payload_error: expect.any(String),
  });
  expect(webhook?.body['gateway_request_id']).not.toBe(body['request_id']);
});

test('a refused webhook is tried again ten times', async () => {
  const { submit, receiver, simulator } = await falSetup({ timeScale: 0.00001 });
  receiver.answers.push(...Array.from({ length: 20 }, () => 500));
  await submit('', {}, receiver.url);
  await receiver.until(11);
  await expect.poll(() => ledgerOf(simulator, 'fal').accepted[0]?.webhookAttempts.length).toBe(11);
});

test('a live request can be canceled with PUT; its result says so', async () => {
  const { submit, ask, receiver, resultOf, simulator } = await falSetup({ timeScale: 1 });
  const { body } = await submit('', {}, receiver.url);
  const cancel = () => ask(`/requests/${body['request_id']}/cancel`, 'PUT');
  expect(await cancel()).toMatchObject({ status: 200, body: { status: 'OK' } });
  expect(await cancel()).toMatchObject({ status: 400, body: { status: 'ALREADY_COMPLETED' } });
  const { result } = await resultOf(body['request_id']);
  expect(result).toMatchObject({ status: 499, body: { error_type: 'client_cancelled' } });
  expect(result.headers.get('x-fal-error-type')).toBe('client_cancelled');
  expect(receiver.received).toHaveLength(0);
  expect(ledgerOf(simulator, 'fal').accepted[0]).toMatchObject({ finalStatus: 'CANCELED' });
  const unknown = await ask('/requests/nobody/cancel', 'PUT');
  expect(unknown).toMatchObject({ status: 404, body: { status: 'NOT_FOUND' } });
});

test('a missing key is 401, a bad input 422 with details, no credit 403', async () => {
  const { call, submit, ask } = await falSetup({ providers: { fal: { credits: 0 } } });
  expect(await call(`${APP}/requests/x/status`)).toMatchObject({
    status: 401,
    body: { detail: expect.any(String) },
  });
  const bearer = await call(`${APP}/requests/x`, { headers: { authorization: 'Bearer x' } });
  expect(bearer.status).toBe(401);
  expect(await ask('/tryon/v1.6/requests/x/status')).toMatchObject({ status: 404 });
  expect(await submit('', { num_samples: 5 })).toMatchObject({
    status: 422,
    body: {
      detail: [{ loc: ['body', 'num_samples'], type: 'value_error', msg: expect.any(String) }],
    },
  });
  expect(await submit('', {}, 'not a url')).toMatchObject({ status: 422 });
  expect(await submit()).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('Exhausted balance') },
  });
});

test('a fault of the server carries its type in the body and the header', async () => {
  const { submit } = await falSetup();
  const { status, headers, body } = await submit('?simulate=server-errors');
  expect({ status, body }).toMatchObject({ status: 500, body: { error_type: 'internal_error' } });
  expect(headers.get('x-fal-error-type')).toBe('internal_error');
});

test('the proxy takes one of fal’s hosts, by GET, POST or PUT', async () => {
  const { call } = await falSetup();
  const proxy = (method: string, target?: string) =>
    call('/fal/proxy', {
      method,
      headers: { ...KEY, ...(target !== undefined && { 'x-fal-target-url': target }) },
    });
  const status = 'https://queue.fal.run/fal-ai/fashn/requests/nobody/status';
  expect((await proxy('GET', status)).body).toMatchObject({ status: 'NOT_FOUND' });
  expect((await proxy('DELETE', status)).status).toBe(405);
  expect((await proxy('GET')).status).toBe(400);
  expect((await proxy('GET', 'https://example.com/fal.run')).status).toBe(412);
  expect((await proxy('GET', 'no address')).status).toBe(412);
});

test('an upload goes only to an address that was given out, once its bytes are there', async () => {
  const { call, simulator } = await falSetup();
  const initiate = (body: unknown) =>
    call('/fal/rest/storage/upload/initiate', jsonPost(body, KEY));
  expect((await initiate({})).status).toBe(422);
  const { body } = await initiate({ content_type: 'image/png', file_name: 'me.png' });
  const place = (address: unknown) => String(address).slice(simulator.url.length);
  const put = (path: string) =>
    call(path, { method: 'PUT', headers: { 'content-type': 'image/png' }, body: 'bytes' });
  expect((await call(place(body['file_url']))).status).toBe(404);
  expect((await put(place(body['upload_url']).replace(/.$/, 'x'))).status).toBe(403);
  expect((await put(place(body['upload_url']))).status).toBe(200);
  expect((await call(place(body['file_url']))).status).toBe(200);
});

test('a call that waits is given up after ten minutes, and costs nothing', async () => {
  const { call, input, simulator } = await falSetup({ timeScale: 0.0001, scenario: 'stuck' });
  const answer = await call('/fal/run/fal-ai/fashn/tryon/v1.6', jsonPost(input(), KEY));
  expect(answer).toMatchObject({ status: 504, body: { error_type: 'request_timeout' } });
  expect(answer.headers.get('x-fal-request-timeout-type')).toBeNull();
  expect(ledgerOf(simulator, 'fal').accepted[0]).toMatchObject({
    finalStatus: 'CANCELED',
    creditsRefunded: 1,
  });
});

test('what rest.fal.ai has beyond uploads is not supported, and says so', async () => {
  const { call } = await falSetup();
  expect(await call('/fal/rest/billing', { headers: KEY })).toMatchObject({
    status: 404,
    body: { detail: expect.stringContaining('does not support') },
  });
});

test('a reset while a request may still start in time leaves nothing behind', async () => {
  const { call, input, simulator } = await falSetup({ scenario: 'stuck' });
  const headers = { ...KEY, 'x-fal-request-timeout': '60' };
  const asked = await call(`${APP}/tryon/v1.6`, jsonPost(input(), headers));
  expect(asked.status).toBe(200);
  simulator.reset();
  expect(ledgerOf(simulator, 'fal').accepted).toHaveLength(0);
});

const KOLORS = ['human_image_url', 'garment_image_url'] as const;
test.each([
  ['fal-ai/kling/v1-5/kolors-virtual-try-on', 'fal-ai/kling', KOLORS, {}, 'image'],
  ['fal-ai/leffa/virtual-tryon', 'fal-ai/leffa', KOLORS, { garment_type: 'dresses' }, 'image'],
  [
    'fal-ai/image-apps-v2/virtual-try-on',
    'fal-ai/image-apps-v2',
    ['person_image_url', 'clothing_image_url'],
    { aspect_ratio: { ratio: '3:4' } },
    'images',
  ],
])(
  '%s is asked for by its own names, and about at its app',
  async (model, app, names, more, output) => {
    const { post, call, person, garment, simulator } = await falSetup();
    const headers = { authorization: 'Key id:secret', 'content-type': 'application/json' };
    const [personField = '', garmentField = ''] = names;
    const input = { [personField]: person(), [garmentField]: garment(), ...more };
    const submit = (body: object) => post(`/fal/${model}`, '', body, headers);
    const { status, body } = await submit(input);
    const own = `${simulator.url}/fal/${app}/requests/${String(body['request_id'])}`;
    expect(status).toBe(200);
    expect(body).toMatchObject({ response_url: own, status_url: `${own}/status` });
    const path = own.slice(simulator.url.length);
    await pollUntil(() => call(`${path}/status`, { headers }), ['COMPLETED']);
    const result = await call(path, { headers });
    expect(Object.keys(result.body)).toEqual([output]);
    expect(result.headers.get('x-fal-billable-units')).toBe('1');
    expect((await submit({ ...input, [garmentField]: undefined })).status).toBe(422);
  },
);
