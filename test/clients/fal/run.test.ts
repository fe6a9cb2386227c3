import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ledgerOf } from '../../simulator/setup.ts';
import { pictureAt } from '../setup.ts';
import { atSimulator, configured, MODEL, refusalOf, setupFal, unsupported } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "fal" in docs/simulator.md.

test('run answers the output and the number of the request', async () => {
  const { client, input, simulator } = await setupFal();
  const { data, requestId } = await client.run(MODEL, { input: input() });
  expect(data.images).toEqual([
    {
      url: expect.stringMatching(/^http:.*\.png$/),
      content_type: 'image/png',
      file_name: expect.stringMatching(/\.png$/),
    },
  ]);
  expect(ledgerOf(simulator, 'fal').accepted[0]?.taskId).toBe(requestId);
});

test('run with output_format jpeg gives JPEGs', async () => {
  const { client, input } = await setupFal();
  const { data } = await client.run(MODEL, { input: input('', { output_format: 'jpeg' }) });
  const [picture] = data.images;
  expect(picture).toMatchObject({
    url: expect.stringMatching(/\.jpeg$/),
    content_type: 'image/jpeg',
  });
  expect(await pictureAt(picture?.url ?? '')).toMatchObject({
    contentType: 'image/jpeg',
    format: 'jpeg',
  });
});

test('run with num_samples gives so many pictures', async () => {
  const { client, input } = await setupFal();
  const { data } = await client.run(MODEL, { input: input('', { num_samples: 3 }) });
  expect(new Set(data.images.map(({ url }) => url)).size).toBe(3);
});

test('run with sync_mode gives the pictures as data URIs', async () => {
  const { client, input } = await setupFal();
  const wanted = input('', { sync_mode: true, output_format: 'jpeg' });
  const { data } = await client.run(MODEL, { input: wanted });
  const url = data.images[0]?.url ?? '';
  expect(url).toMatch(/^data:image\/jpeg;base64,/);
  expect(await pictureAt(url)).toMatchObject({ contentType: 'image/jpeg', format: 'jpeg' });
});

async function blobOf(name: string): Promise<Blob> {
  const bytes = await readFile(new URL(`../../../simulator/artwork/${name}`, import.meta.url));
  return new Blob([new Uint8Array(bytes)], { type: 'image/png' });
}

test('run uploads a Blob of the input, and the request uses it', async () => {
  const { client, garment, simulator } = await setupFal();
  const input = { model_image: await blobOf('person.png'), garment_image: garment() };
  // The client's types know only addresses, its documentation files too.
  const { data } = await client.run(MODEL, { input: input as never });
  expect(await pictureAt(data.images[0]?.url ?? '')).toMatchObject({ format: 'png' });
  expect(ledgerOf(simulator, 'fal').uploads).toHaveLength(1);
});

test('run with startTimeout ends when the request does not start in time, and says it was ours', async () => {
  const { client, input, simulator } = await setupFal({ scenario: 'stuck' });
  const error = await refusalOf(client.run(MODEL, { input: input(), startTimeout: 5 }));
  expect(error).toMatchObject({
    status: 504,
    isUserTimeout: true,
    body: { error_type: 'request_timeout' },
  });
  expect(ledgerOf(simulator, 'fal').accepted).toHaveLength(1);
});

test('run with an aborted signal ends', async () => {
  const { client, input } = await setupFal({ scenario: 'stuck' });
  const stop = new AbortController();
  const running = client.run(MODEL, { input: input(), abortSignal: stop.signal });
  stop.abort();
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
});

test('run of another model is not supported, and says so', async () => {
  const { client } = await setupFal();
  const error = await refusalOf(client.run('fal-ai/flux/dev', { input: { prompt: 'a cat' } }));
  expect(error).toMatchObject(unsupported(`this model; it has ${MODEL}`));
});

test('fal.config with a requestMiddleware leads every host to the simulator', async () => {
  const { simulator, input } = await setupFal();
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

test('run with storageSettings is taken, and nothing expires here', async () => {
  const { client, input } = await setupFal();
  const storageSettings = { expiresIn: 'immediate' as const };
  const { data } = await client.run(MODEL, { input: input(), storageSettings });
  expect(await pictureAt(data.images[0]?.url ?? '')).toMatchObject({ format: 'png' });
});

test('storage.upload gives an address that anybody can read, with its type', async () => {
  const { client } = await setupFal();
  const file = new File(['hello there'], 'a word.txt', { type: 'text/plain' });
  const url = await client.storage.upload(file, { lifecycle: { expiresIn: '1h' } });
  expect(url).toMatch(/\/fal\/files\/[0-9a-f-]{36}\/a%20word\.txt$/);
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await response.text()).toBe('hello there');
});

test('storage.transformInput puts the address in place of every file', async () => {
  const { client } = await setupFal();
  const file = new Blob(['hello'], { type: 'text/plain' });
  const changed = await client.storage.transformInput({ one: [file], two: { three: 3 } });
  expect(changed).toEqual({ one: [expect.stringMatching(/^http/)], two: { three: 3 } });
});

test('storage.upload in parts, for more than 90 MB, is not supported, and says so', async () => {
  const { client } = await setupFal();
  const large = new Blob([new Uint8Array(91 * 1024 * 1024)]);
  const error = await refusalOf(client.storage.upload(large));
  expect(error).toMatchObject(unsupported('uploads in parts; a file may have 25 MB'));
});

test('storage.upload of a file above 25 MB is refused', async () => {
  const { client, simulator } = await setupFal();
  const error = await refusalOf(
    client.storage.upload(new Blob([new Uint8Array(26 * 1024 * 1024)])),
  );
  expect(error).toMatchObject({ status: 413, body: { detail: expect.any(String) } });
  expect(ledgerOf(simulator, 'fal').uploads).toHaveLength(0);
});
