import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  isCompletedQueueStatus,
  isQueueStatus,
  isRetryableError,
  type QueueStatus,
  ValidationError,
} from '@fal-ai/client';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { bookOf, type ReceivedWebhook } from '../simulator/setup.ts';
import { atSimulator, configured, falWorld, MODEL, refusalOf } from './fal-client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "fal" in docs/simulator.md.

const unsupported = (what: string) => ({
  status: 404,
  body: { detail: expect.stringContaining(`The simulator does not support ${what}`) },
});

async function pictureAt(url: string) {
  const response = await fetch(url);
  const bytes = Buffer.from(await response.arrayBuffer());
  const { format } = await sharp(bytes).metadata();
  return { type: response.headers.get('content-type'), format };
}

async function blobOf(name: string): Promise<Blob> {
  const bytes = await readFile(new URL(`../../simulator/artwork/${name}`, import.meta.url));
  return new Blob([new Uint8Array(bytes)], { type: 'image/png' });
}

test('run answers the output and the number of the request', async () => {
  const { client, input, simulator } = await falWorld();
  const { data, requestId } = await client.run(MODEL, { input: input() });
  expect(data.images).toEqual([
    {
      url: expect.stringMatching(/^http:.*\.png$/),
      content_type: 'image/png',
      file_name: expect.stringMatching(/\.png$/),
    },
  ]);
  expect(bookOf(simulator, 'fal').accepted[0]?.taskId).toBe(requestId);
});

test('run with output_format jpeg gives JPEGs', async () => {
  const { client, input } = await falWorld();
  const { data } = await client.run(MODEL, { input: input('', { output_format: 'jpeg' }) });
  const [picture] = data.images;
  expect(picture).toMatchObject({
    url: expect.stringMatching(/\.jpeg$/),
    content_type: 'image/jpeg',
  });
  expect(await pictureAt(picture?.url ?? '')).toEqual({ type: 'image/jpeg', format: 'jpeg' });
});

test('run with num_samples gives so many pictures', async () => {
  const { client, input } = await falWorld();
  const { data } = await client.run(MODEL, { input: input('', { num_samples: 3 }) });
  expect(new Set(data.images.map(({ url }) => url)).size).toBe(3);
});

test('run with sync_mode gives the pictures as data URIs', async () => {
  const { client, input } = await falWorld();
  const wanted = input('', { sync_mode: true, output_format: 'jpeg' });
  const { data } = await client.run(MODEL, { input: wanted });
  const url = data.images[0]?.url ?? '';
  expect(url).toMatch(/^data:image\/jpeg;base64,/);
  expect(await pictureAt(url)).toEqual({ type: 'image/jpeg', format: 'jpeg' });
});

test('run uploads a Blob of the input, and the request uses it', async () => {
  const { client, garment, simulator } = await falWorld();
  const input = { model_image: await blobOf('person.png'), garment_image: garment() };
  // The client's types know only addresses, its documentation files too.
  const { data } = await client.run(MODEL, { input: input as never });
  expect(await pictureAt(data.images[0]?.url ?? '')).toMatchObject({ format: 'png' });
  expect(bookOf(simulator, 'fal').uploads).toHaveLength(1);
});

test('run with startTimeout ends when the request does not start in time, and says it was ours', async () => {
  const { client, input, simulator } = await falWorld({ scenario: 'stuck' });
  const error = await refusalOf(client.run(MODEL, { input: input(), startTimeout: 5 }));
  expect(error).toMatchObject({
    status: 504,
    isUserTimeout: true,
    body: { error_type: 'request_timeout' },
  });
  expect(bookOf(simulator, 'fal').accepted).toHaveLength(1);
});

test('run with an aborted signal ends', async () => {
  const { client, input } = await falWorld({ scenario: 'stuck' });
  const stop = new AbortController();
  const running = client.run(MODEL, { input: input(), abortSignal: stop.signal });
  stop.abort();
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
});

test('run of another model is not supported, and says so', async () => {
  const { client } = await falWorld();
  const error = await refusalOf(client.run('fal-ai/flux/dev', { input: { prompt: 'a cat' } }));
  expect(error).toMatchObject(unsupported(`this model; it has ${MODEL}`));
});

test('fal.config with a requestMiddleware leads every host to the simulator', async () => {
  const { simulator, input } = await falWorld();
  const fal = configured({
    credentials: 'id:secret',
    requestMiddleware: async (request) => ({
      ...request,
      url: atSimulator(simulator.url, request.url),
    }),
  });
  const { data } = await fal.run(MODEL, { input: input() });
  const subscribed = await fal.subscribe(MODEL, { input: input(), pollInterval: 10 });
  const url = await fal.storage.upload(new Blob(['hello'], { type: 'text/plain' }));
  expect([data.images.length, subscribed.data.images.length]).toEqual([1, 1]);
  expect(await (await fetch(url)).text()).toBe('hello');
});

test('subscribe by polling tells each status, with logs, and gives the output', async () => {
  const { client, input } = await falWorld({ timeScale: 0.25 });
  const seen: QueueStatus[] = [];
  let enqueued = '';
  const { data, requestId } = await client.subscribe(MODEL, {
    input: input(),
    logs: true,
    pollInterval: 10,
    onEnqueue: (id) => {
      enqueued = id;
    },
    onQueueUpdate: (status) => seen.push(status),
  });
  expect(requestId).toBe(enqueued);
  expect(data.images).toHaveLength(1);
  expect([...new Set(seen.map(({ status }) => status))]).toEqual([
    'IN_QUEUE',
    'IN_PROGRESS',
    'COMPLETED',
  ]);
  const last = seen.at(-1);
  if (last?.status !== 'COMPLETED') throw new Error('not completed');
  expect(last.logs.map(({ message, level, source }) => ({ message, level, source }))).toEqual([
    { message: 'Dressing the person.', level: 'INFO', source: 'USER' },
    { message: 'Finished.', level: 'INFO', source: 'USER' },
  ]);
  expect(last.metrics).toEqual({ inference_time: expect.any(Number) });
});

test('subscribe by streaming tells each status, with logs, and gives the output', async () => {
  const { client, input } = await falWorld({ timeScale: 0.25 });
  const seen: string[] = [];
  const lines: string[] = [];
  const { data } = await client.subscribe(MODEL, {
    input: input(),
    mode: 'streaming',
    logs: true,
    onQueueUpdate: (status) => {
      seen.push(status.status);
      if (status.status === 'COMPLETED') lines.push(...status.logs.map(({ message }) => message));
    },
  });
  expect(seen).toEqual(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']);
  expect(lines).toEqual(['Dressing the person.', 'Finished.']);
  expect(data.images).toHaveLength(1);
});

test('subscribe throws the error that stands in place of the output', async () => {
  const { client, input } = await falWorld();
  const ask = (query: string) => client.subscribe(MODEL, { input: input(query), pollInterval: 10 });
  const failed = await refusalOf(ask('?simulate=failed'));
  expect(failed).toMatchObject({
    status: 500,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    body: { detail: [{ type: 'internal_server_error' }] },
  });
  const flagged = await refusalOf(ask('?simulate=moderation'));
  expect(flagged).toBeInstanceOf(ValidationError);
  expect(flagged).toMatchObject({
    status: 422,
    fieldErrors: [{ type: 'content_policy_violation' }],
  });
});

test('subscribe with a timeout cancels the request', async () => {
  const { client, input, simulator } = await falWorld({ scenario: 'stuck' });
  const asked = client.subscribe(MODEL, { input: input(), timeout: 50, pollInterval: 10 });
  await expect(asked).rejects.toThrow('Client timed out');
  await expect.poll(() => bookOf(simulator, 'fal').accepted[0]?.finalStatus).toBe('CANCELED');
});

test('queue.submit answers the number and every address', async () => {
  const { client, input, simulator } = await falWorld();
  const made = await client.queue.submit(MODEL, { input: input(), priority: 'low', hint: 'warm' });
  const own = `${simulator.url}/fal/fal-ai/fashn/requests/${made.request_id}`;
  expect(made).toEqual({
    status: 'IN_QUEUE',
    request_id: expect.any(String),
    queue_position: 0,
    response_url: own,
    status_url: `${own}/status`,
    cancel_url: `${own}/cancel`,
  });
  expect(isQueueStatus(made)).toBeTruthy();
});

test('run with storageSettings is taken, and nothing expires here', async () => {
  const { client, input } = await falWorld();
  const storageSettings = { expiresIn: 'immediate' as const };
  const { data } = await client.run(MODEL, { input: input(), storageSettings });
  expect(await pictureAt(data.images[0]?.url ?? '')).toMatchObject({ format: 'png' });
});

test('queue.submit passes headers on, so that x-simulate chooses a scenario of the simulator', async () => {
  const { client, input } = await falWorld();
  const headers = { 'X-Simulate': 'moderation' };
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input(), headers });
  await client.queue.subscribeToStatus(MODEL, { requestId, pollInterval: 5 });
  expect(await refusalOf(client.queue.result(MODEL, { requestId }))).toMatchObject({ status: 422 });
});

test('queue.submit with startTimeout ends a request that does not start in time', async () => {
  const { client, input, receiver } = await falWorld({ scenario: 'stuck' });
  const { request_id: requestId } = await client.queue.submit(MODEL, {
    input: input(),
    startTimeout: 5,
    webhookUrl: receiver.url,
  });
  const [webhook] = await receiver.until(1);
  expect(webhook?.body).toMatchObject({
    status: 'ERROR',
    payload: { error_type: 'request_timeout' },
  });
  expect(await client.queue.status(MODEL, { requestId })).toMatchObject({ status: 'COMPLETED' });
  const error = await refusalOf(client.queue.result(MODEL, { requestId }));
  expect(error).toMatchObject({ status: 504, isUserTimeout: true });
});

test('queue.status types logs as an array, empty unless they are asked for', async () => {
  const { client, input } = await falWorld();
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  const status = await client.queue.subscribeToStatus(MODEL, { requestId, pollInterval: 5 });
  expect(isCompletedQueueStatus(status)).toBe(true);
  expect(status.logs).toEqual([]);
  const told = await client.queue.status(MODEL, { requestId, logs: true });
  expect(told).toMatchObject({ logs: [{}, { message: 'Finished.' }] });
});

test('queue.status is asked again by the client after faults of the server', async () => {
  const { client, input, simulator } = await falWorld();
  const ask = () => client.queue.submit(MODEL, { input: input('?simulate=server-errors') });
  await refusalOf(ask());
  await refusalOf(ask());
  const { request_id: requestId } = await ask();
  expect(await client.queue.status(MODEL, { requestId })).toMatchObject({ request_id: requestId });
  expect(bookOf(simulator, 'fal').accepted[0]?.polls).toBe(3);
});

test('queue.streamStatus yields each status once, and names the request', async () => {
  const { client, input } = await falWorld({ timeScale: 0.25 });
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  const stream = await client.queue.streamStatus(MODEL, { requestId });
  const seen: QueueStatus[] = [];
  for await (const status of stream) seen.push(status);
  expect(seen.map(({ status }) => status)).toEqual(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']);
  expect(seen.at(-1)).toMatchObject({ request_id: requestId, logs: [] });
  expect(stream.requestId).toBe(requestId);
});

test('queue.streamStatus of an unknown request is refused', async () => {
  const { client } = await falWorld();
  const stream = await client.queue.streamStatus(MODEL, { requestId: 'nobody' });
  expect(await refusalOf(stream.done())).toMatchObject({ status: 404 });
});

test('queue.streamStatus that is aborted ends with what it has', async () => {
  const { client, input } = await falWorld({ scenario: 'stuck' });
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  const stream = await client.queue.streamStatus(MODEL, { requestId });
  stream.on('data', () => stream.abort());
  expect(await stream.done()).toMatchObject({ status: 'IN_QUEUE' });
});

test('queue.subscribeToStatus resolves with the end, a bad one too', async () => {
  const { client, input } = await falWorld();
  const { request_id: requestId } = await client.queue.submit(MODEL, {
    input: input('?simulate=failed'),
  });
  const end = await client.queue.subscribeToStatus(MODEL, { requestId, mode: 'streaming' });
  expect(end).toMatchObject({ status: 'COMPLETED', request_id: requestId });
});

test('queue.result answers the output and the number of the request', async () => {
  const { client, input } = await falWorld();
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  await client.queue.subscribeToStatus(MODEL, { requestId, pollInterval: 5 });
  const result = await client.queue.result(MODEL, { requestId });
  expect(result).toMatchObject({ requestId, data: { images: [{ content_type: 'image/png' }] } });
});

test('queue.cancel ends a live request, and is refused after the end', async () => {
  const { client, input } = await falWorld({ scenario: 'stuck' });
  const { request_id: requestId } = await client.queue.submit(MODEL, { input: input() });
  await client.queue.cancel(MODEL, { requestId });
  const again = await refusalOf(client.queue.cancel(MODEL, { requestId }));
  expect(again).toMatchObject({ status: 400, requestId, body: { status: 'ALREADY_COMPLETED' } });
  const result = await refusalOf(client.queue.result(MODEL, { requestId }));
  expect(result).toMatchObject({ status: 499, body: { error_type: 'client_cancelled' } });
});

/** The client has no validator, so this is fal's "Webhooks" page by hand. */
async function isAuthentic({ headers, bytes }: ReceivedWebhook, simulatorUrl: string) {
  const answer = await fetch(`${simulatorUrl}/fal/.well-known/jwks.json`);
  const { keys } = z
    .object({ keys: z.array(z.object({ kty: z.string(), crv: z.string(), x: z.string() })) })
    .parse(await answer.json());
  const part = (name: string) => String(headers[`x-fal-webhook-${name}`]);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const message = [part('request-id'), part('user-id'), part('timestamp'), hash].join('\n');
  const signature = Buffer.from(part('signature'), 'hex');
  return keys.some(({ kty, crv, x }) => {
    const jwk = { kty, crv, x: x.replace(/=+$/, '') };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return verify(null, Buffer.from(message), key, signature);
  });
}

test('webhookUrl is told the end, signed with a published key, over the exact body', async () => {
  const { client, input, receiver, simulator } = await falWorld();
  const webhookUrl = receiver.url;
  const { request_id } = await client.queue.submit(MODEL, { input: input(), webhookUrl });
  const [webhook] = await receiver.until(1);
  if (!webhook) throw new Error('no webhook');
  expect(webhook.body).toMatchObject({ request_id, status: 'OK', payload: { images: [{}] } });
  expect(await isAuthentic(webhook, simulator.url)).toBe(true);
  const bytes = Buffer.from(webhook.bytes.toString().replace('"OK"', '"ERROR"'));
  expect(await isAuthentic({ ...webhook, bytes }, simulator.url)).toBe(false);
  const headers = { ...webhook.headers, 'x-fal-webhook-timestamp': '1' };
  expect(await isAuthentic({ ...webhook, headers }, simulator.url)).toBe(false);
});

test('webhookUrl is told a forged end first, which no published key signed', async () => {
  const { client, input, receiver, simulator } = await falWorld();
  const webhookUrl = receiver.url;
  await client.queue.submit(MODEL, { input: input('?simulate=forged-signature'), webhookUrl });
  const webhooks = await receiver.until(2);
  const verdicts = webhooks.map((webhook) => isAuthentic(webhook, simulator.url));
  expect(await Promise.all(verdicts)).toEqual([false, true]);
});

test('storage.upload gives an address that anybody can read, with its type', async () => {
  const { client } = await falWorld();
  const file = new File(['hello there'], 'a word.txt', { type: 'text/plain' });
  const url = await client.storage.upload(file, { lifecycle: { expiresIn: '1h' } });
  expect(url).toMatch(/\/fal\/files\/[0-9a-f-]{36}\/a%20word\.txt$/);
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await response.text()).toBe('hello there');
});

test('storage.transformInput puts the address in place of every file', async () => {
  const { client } = await falWorld();
  const file = new Blob(['hello'], { type: 'text/plain' });
  const changed = await client.storage.transformInput({ one: [file], two: { three: 3 } });
  expect(changed).toEqual({ one: [expect.stringMatching(/^http/)], two: { three: 3 } });
});

test('storage.upload in parts, for more than 90 MB, is not supported, and says so', async () => {
  const { client } = await falWorld();
  const large = new Blob([new Uint8Array(91 * 1024 * 1024)]);
  const error = await refusalOf(client.storage.upload(large));
  expect(error).toMatchObject(unsupported('uploads in parts; a file may have 25 MB'));
});

test('storage.upload of a file above 25 MB is refused', async () => {
  const { client, simulator } = await falWorld();
  const error = await refusalOf(
    client.storage.upload(new Blob([new Uint8Array(26 * 1024 * 1024)])),
  );
  expect(error).toMatchObject({ status: 413, body: { detail: expect.any(String) } });
  expect(bookOf(simulator, 'fal').uploads).toHaveLength(0);
});

test('stream is not supported, and says so', async () => {
  const { client, input } = await falWorld();
  const stream = await client.stream(MODEL, { input: input() });
  expect(await refusalOf(stream.done())).toMatchObject(unsupported('streams of partial results'));
});

/** As fal's documentation has it: the app's own server asks for a browser's token. */
async function askForToken(simulatorUrl: string) {
  const response = await fetch(`${simulatorUrl}/fal/rest/tokens/`, {
    method: 'POST',
    headers: { authorization: 'Key id:secret' },
  });
  return { status: response.status, body: await response.json() };
}

test('realtime.connect is not supported: the token for it is refused, and the refusal says so', async () => {
  const { client, simulator } = await falWorld();
  const answer = await new Promise((resolve) => {
    const connection = client.realtime.connect('fal-ai/fashn/tryon', {
      onResult: () => undefined,
      tokenProvider: async () => {
        resolve(await askForToken(simulator.url));
        throw new Error('no token');
      },
    });
    connection.send({});
  });
  expect(answer).toMatchObject(unsupported('realtime connections'));
});

test('stream in connectionMode client is not supported: there is no token for it either', async () => {
  const { client, simulator } = await falWorld();
  const stream = await client.stream(MODEL, {
    connectionMode: 'client',
    tokenProvider: async () => {
      const { body } = await askForToken(simulator.url);
      throw new Error(JSON.stringify(body));
    },
  });
  await expect(stream.done()).rejects.toThrow('nor tokens for browsers');
});

test('ApiError 401: the key is wrong', async () => {
  const { client, input } = await falWorld({ providers: { fal: { keys: ['another'] } } });
  const error = await refusalOf(client.queue.submit(MODEL, { input: input() }));
  expect(error).toMatchObject({
    name: 'ApiError',
    status: 401,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    body: { detail: expect.any(String) },
  });
});

test('ApiError 403: the balance is exhausted', async () => {
  const { client, input } = await falWorld({ providers: { fal: { credits: 0 } } });
  const error = await refusalOf(client.run(MODEL, { input: input() }));
  expect(error).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('Exhausted balance') },
  });
});

test('ApiError 404: no such request', async () => {
  const { client } = await falWorld();
  const nobody = { requestId: 'nobody' };
  for (const call of [
    client.queue.status(MODEL, nobody),
    client.queue.result(MODEL, nobody),
    client.queue.cancel(MODEL, nobody),
  ]) {
    expect(await refusalOf(call)).toMatchObject({ status: 404, body: { status: 'NOT_FOUND' } });
  }
});

test('ValidationError 422: every mistake is named by its field', async () => {
  const { client, person } = await falWorld();
  const input = { model_image: person(), num_samples: 5 };
  const error = await refusalOf(client.run(MODEL, { input: input as never })); // wrong on purpose
  if (!(error instanceof ValidationError)) throw new Error('not a ValidationError');
  expect(error.fieldErrors).toHaveLength(2);
  expect(error.getFieldErrors('garment_image')).toMatchObject([
    { loc: ['body', 'garment_image'], type: 'missing' },
  ]);
  expect(error.getFieldErrors('num_samples')).toMatchObject([
    { loc: ['body', 'num_samples'], type: 'value_error' },
  ]);
});

test('429 and 502: the client tries again and succeeds', async () => {
  const { client, input, simulator } = await falWorld();
  const run = (query: string) => client.run(MODEL, { input: input(query) });
  await Promise.all([run('?simulate=rate-limited'), run('?simulate=html-error')]);
  const { refused, accepted } = bookOf(simulator, 'fal');
  expect(refused.map(({ httpStatus }) => httpStatus).toSorted()).toEqual([429, 502]);
  expect(accepted).toHaveLength(2);
});

test('the retry setting decides how often other calls are tried again', async () => {
  const { client, simulator } = await falWorld({ config: { retry: { maxRetries: 0 } } });
  await fetch(`${simulator.url}/_simulator/outage`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ provider: 'fal', answer: 'html-page', seconds: 60 }),
  });
  const error = await refusalOf(client.queue.cancel(MODEL, { requestId: 'one' }));
  expect(error).toMatchObject({ status: 502, message: expect.stringContaining('HTTP 502') });
  expect(isRetryableError(error, [502])).toBe(true);
});

test('ApiError 500: a fault of the server is not tried again, and carries its type', async () => {
  const { client, input, simulator } = await falWorld();
  const error = await refusalOf(
    client.queue.submit(MODEL, { input: input('?simulate=server-errors') }),
  );
  expect(error).toMatchObject({ status: 500, body: { error_type: 'internal_error' } });
  expect(bookOf(simulator, 'fal')).toMatchObject({ accepted: [], refused: [{}] });
});
