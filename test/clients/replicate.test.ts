import { readFile } from 'node:fs/promises';
import {
  type FileOutput,
  type Prediction,
  parseProgressFromLogs,
  validateWebhook,
} from 'replicate';
import sharp from 'sharp';
import { Webhook } from 'standardwebhooks';
import { expect, test, vi } from 'vitest';
import { bookOf, type ReceivedWebhook } from '../simulator/setup.ts';
import {
  COMMUNITY,
  fetchFrom,
  MODEL,
  refusalOf,
  replicateWorld,
  VERSION,
} from './replicate-client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "Replicate" in docs/simulator.md.

const gone = (what: string) => ({
  status: 404,
  message: expect.stringContaining(`The simulator does not support ${what}.`),
});

/** What `run` gave, when it gave a file. */
function fileIn(output: unknown): FileOutput {
  if (!(output instanceof ReadableStream) || !('blob' in output)) throw new Error('not a file');
  return output as FileOutput; // the client's class is not exported; `blob` is what tells it
}

async function formatOf(file: FileOutput): Promise<string> {
  const bytes = Buffer.from(await (await file.blob()).arrayBuffer());
  return (await sharp(bytes).metadata()).format;
}

async function person(): Promise<Buffer> {
  return readFile(new URL('../../simulator/artwork/person.png', import.meta.url));
}

test('run gives a FileOutput when links are https, as in production', async () => {
  const world = await replicateWorld({ switches: { files: 'https' } });
  world.client.fetch = fetchFrom(world.simulator.url);
  const output = fileIn(await world.client.run(MODEL, { input: world.input() }));
  expect(output.url()).toMatchObject({ host: 'replicate.delivery', protocol: 'https:' });
  expect(await formatOf(output)).toBe('jpeg');
});

test('run gives a FileOutput when files are data URIs', async () => {
  const { client, input } = await replicateWorld({ switches: { files: 'data' } });
  const output = fileIn(await client.run(MODEL, { input: input('', { output_format: 'png' }) }));
  expect(String(output)).toMatch(/^data:image\/png;base64,/);
  expect(await formatOf(output)).toBe('png');
});

test('run gives a string when links are http, which the client takes for no file', async () => {
  const { client, input } = await replicateWorld();
  const output = await client.run(MODEL, { input: input() });
  expect(output).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/results\/[0-9a-f-]+\.jpeg$/);
  expect((await fetch(String(output))).headers.get('content-type')).toBe('image/jpeg');
});

test('run with useFileOutput false gives the link', async () => {
  const world = await replicateWorld({
    switches: { files: 'https' },
    client: { useFileOutput: false },
  });
  expect(await world.client.run(MODEL, { input: world.input() })).toMatch(
    /^https:\/\/replicate\.delivery\//,
  );
});

test('run takes a community model by its version', async () => {
  const { client, person, garment } = await replicateWorld();
  const input = { human_img: person(), garm_img: garment(), category: 'upper_body' };
  expect(await client.run(COMMUNITY, { input })).toMatch(/\.png$/);
});

test('run in poll mode tells progress from starting to succeeded', async () => {
  const { client, input } = await replicateWorld({ timeScale: 0.25 });
  const seen: string[] = [];
  await client.run(MODEL, { input: input(), wait: { mode: 'poll', interval: 20 } }, ({ status }) =>
    seen.push(status),
  );
  expect([...new Set(seen)]).toEqual(['starting', 'processing', 'succeeded']);
});

test('run goes on asking when the prediction takes longer than it waits', async () => {
  const { client, input } = await replicateWorld({ timeScale: 0.1 });
  const seen: string[] = [];
  const output = await client.run(
    MODEL,
    { input: input(), wait: { mode: 'block', timeout: 3 } },
    ({ status }) => seen.push(status),
  );
  expect(output).toMatch(/\.jpeg$/);
  expect(seen[0]).toBe('starting');
});

test('run with an aborted signal cancels the prediction', async () => {
  const { client, input, simulator } = await replicateWorld({ scenario: 'stuck' });
  const stop = new AbortController();
  const output = await client.run(
    MODEL,
    { input: input(), wait: { mode: 'poll', interval: 10 }, signal: stop.signal },
    () => stop.abort(),
  );
  expect(output).toBeNull();
  expect(bookOf(simulator, 'replicate').accepted[0]?.finalStatus).toBe('canceled');
});

test('run throws the words a prediction failed with', async () => {
  const { client, input } = await replicateWorld();
  const failed = client.run(MODEL, { input: input('?simulate=failed') });
  await expect(failed).rejects.toThrow('Prediction failed: The generation failed');
  const flagged = client.run(MODEL, { input: input('?simulate=moderation') });
  await expect(flagged).rejects.toThrow('Prediction failed: NSFW');
});

test('run uploads a Blob of the input, and the prediction uses it', async () => {
  const { client, garment, simulator } = await replicateWorld();
  const image = new Blob([new Uint8Array(await person())], { type: 'image/png' });
  const output = await client.run(COMMUNITY, { input: { human_img: image, garm_img: garment() } });
  expect((await fetch(String(output))).status).toBe(200);
  expect(bookOf(simulator, 'replicate').uploads).toHaveLength(1);
});

test('run uploads a Buffer of the input, and the prediction uses it', async () => {
  const { client, garment } = await replicateWorld();
  const input = { human_img: await person(), garm_img: garment() };
  expect((await fetch(String(await client.run(COMMUNITY, { input })))).status).toBe(200);
});

test('run sends a Blob inline when uploads are out of order', async () => {
  const { client, garment, simulator } = await replicateWorld();
  simulator.setScenario('server-errors', { provider: 'replicate', on: 'upload' });
  const image = new Blob([new Uint8Array(await person())], { type: 'image/png' });
  const output = await client.run(COMMUNITY, { input: { human_img: image, garm_img: garment() } });
  expect((await fetch(String(output))).status).toBe(200);
  expect(bookOf(simulator, 'replicate').uploads).toHaveLength(0);
});

test('run with fileEncodingStrategy data-uri is refused, since client 1.4.0 sends itself as input', async () => {
  const { client, garment } = await replicateWorld({
    client: { fileEncodingStrategy: 'data-uri' },
  });
  const input = { human_img: await person(), garm_img: garment() };
  expect(await refusalOf(client.run(COMMUNITY, { input }))).toMatchObject({
    status: 422,
    message: expect.stringContaining('human_img'),
  });
});

test('run gives a FileOutput that fails to read when its link is dead', async () => {
  const world = await replicateWorld({ switches: { files: 'https' } });
  world.client.fetch = fetchFrom(world.simulator.url);
  const output = await world.client.run(MODEL, { input: world.input('?simulate=result-expired') });
  // The client means to throw an ApiError, and trips over its own undefined name on the way.
  await expect(fileIn(output).blob()).rejects.toThrow(ReferenceError);
});

test('predictions.create names source, webhook, filter and every address', async () => {
  const { client, input, receiver, simulator } = await replicateWorld({ timeScale: 0.25 });
  const webhook = receiver.url;
  const made = await client.predictions.create({
    model: MODEL,
    input: input(),
    webhook,
    webhook_events_filter: ['completed'],
  });
  const own = `${simulator.url}/replicate/v1/predictions/${made.id}`;
  expect(made).toMatchObject({
    model: MODEL,
    version: 'hidden',
    source: 'api',
    status: 'starting',
    webhook,
    webhook_events_filter: ['completed'],
    urls: {
      get: own,
      cancel: `${own}/cancel`,
      stream: `${simulator.url}/replicate/stream/v1/files/${made.id}`,
      web: `${simulator.url}/replicate/p/${made.id}`,
    },
  });
  expect((await receiver.until(1))[0]?.body).toMatchObject({ id: made.id, webhook });
});

test('predictions.create with wait answers the finished prediction', async () => {
  const { client, input } = await replicateWorld({ timeScale: 0.05 });
  const made = await client.predictions.create({ model: MODEL, input: input(), wait: 60 });
  expect(made).toMatchObject({ status: 'succeeded', output: expect.stringMatching(/\.jpeg$/) });
});

test('predictions.create with a filter tells only those events', async () => {
  const { client, input, receiver } = await replicateWorld({ timeScale: 0.05 });
  const webhook = receiver.url;
  const ask = { model: MODEL, webhook };
  await client.predictions.create({ ...ask, input: input(), webhook_events_filter: ['output'] });
  const [only] = await receiver.until(1);
  expect(only?.body).toMatchObject({ status: 'succeeded', output: expect.any(String) });
});

test('predictions.create is sent again by the client when its answer was lost, and paid twice', async () => {
  const { create, simulator } = await replicateWorld();
  await create('?simulate=lost-reply');
  expect(bookOf(simulator, 'replicate').accepted).toHaveLength(2);
});

test('predictions.get answers the prediction, after faults of the server too', async () => {
  const { client, create, simulator } = await replicateWorld();
  const faulty = () => create('?simulate=server-errors');
  await refusalOf(faulty());
  await refusalOf(faulty());
  const { id } = await faulty();
  expect(await client.predictions.get(id)).toMatchObject({ id, model: MODEL });
  expect(bookOf(simulator, 'replicate').accepted[0]?.polls).toBe(3);
});

test('predictions.cancel ends a live prediction, and refuses a finished one', async () => {
  const { client, create } = await replicateWorld({ scenario: 'stuck' });
  const { id } = await create();
  expect(await client.predictions.cancel(id)).toMatchObject({ id, status: 'canceled' });
  expect(await refusalOf(client.predictions.cancel(id))).toMatchObject({ status: 422 });
});

test('predictions.list answers the newest first', async () => {
  const { client, create } = await replicateWorld();
  const older = await create();
  const newer = await create();
  const { results, next, previous } = await client.predictions.list();
  expect(results.map(({ id }) => id)).toEqual([newer.id, older.id]);
  expect([next, previous]).toEqual([null, null]);
});

test('paginate goes through all pages of a hundred predictions', async () => {
  const { client } = await replicateWorld();
  const made = Array.from({ length: 101 }, () =>
    client.predictions.create({ model: MODEL, input: { prompt: 'a coat' } }),
  );
  const ids = (await Promise.all(made)).map(({ id }) => id);
  const pages: Prediction[][] = [];
  for await (const page of client.paginate(client.predictions.list)) pages.push(page);
  expect(pages.map((page) => page.length)).toEqual([100, 1]);
  expect(new Set(pages.flat().map(({ id }) => id))).toEqual(new Set(ids));
});

test('wait asks until the prediction is final', async () => {
  const { client, create } = await replicateWorld({ timeScale: 0.02 });
  const done = await client.wait(await create(), { interval: 10 });
  expect(done).toMatchObject({ status: 'succeeded' });
  const failing = create('?simulate=failed').then((made) => client.wait(made, { interval: 10 }));
  await expect(failing).rejects.toThrow('Prediction failed: ');
});

test('stream yields the link of the output, then done', async () => {
  const { client, input } = await replicateWorld();
  const seen: string[][] = [];
  for await (const { event, data } of client.stream(MODEL, { input: input() })) {
    seen.push([event, data]);
  }
  expect(seen).toEqual([
    ['output', expect.stringMatching(/^http:.*\.jpeg$/)],
    ['done', '{}'],
  ]);
});

test('stream yields a FileOutput when links are https, as in production', async () => {
  const world = await replicateWorld({ switches: { files: 'https' } });
  world.client.fetch = fetchFrom(world.simulator.url);
  const formats: string[] = [];
  for await (const { event, data } of world.client.stream(MODEL, { input: world.input() })) {
    if (event === 'output') formats.push(await formatOf(fileIn(data)));
  }
  expect(formats).toEqual(['jpeg']);
});

test('stream throws what a prediction failed with', async () => {
  const { client, input } = await replicateWorld();
  const stream = client.stream(MODEL, { input: input('?simulate=failed') });
  await expect(stream.next()).rejects.toThrow('The generation failed inside the pipeline.');
});

test('stream of a canceled prediction is done, with the reason', async () => {
  const { client, input, simulator } = await replicateWorld({ scenario: 'stuck' });
  const stream = client.stream(MODEL, { input: input() });
  const first = stream.next();
  await expect.poll(() => bookOf(simulator, 'replicate').accepted.length).toBe(1);
  await client.predictions.cancel(bookOf(simulator, 'replicate').accepted[0]?.taskId ?? '');
  expect((await first).value).toMatchObject({ event: 'done', data: '{"reason":"canceled"}' });
});

test('stream with an aborted signal ends', async () => {
  const { client, input, simulator } = await replicateWorld({ scenario: 'stuck' });
  const stop = new AbortController();
  const first = client.stream(MODEL, { input: input(), signal: stop.signal }).next();
  await expect.poll(() => bookOf(simulator, 'replicate').accepted.length).toBe(1);
  stop.abort();
  await expect(first).rejects.toThrow(/abort/i);
});

/** The parts of a webhook as `validateWebhook` wants them. */
function partsOf({ headers, bytes }: ReceivedWebhook, secret: string) {
  const part = (name: string) => String(headers[name]);
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    part,
  );
  if (!id || !timestamp || !signature) throw new Error('not signed');
  return { id, timestamp, signature, body: bytes.toString(), secret };
}

async function signedWorld(query = '') {
  const world = await replicateWorld();
  const { client, input, receiver } = world;
  const { key } = await client.webhooks.default.secret.get();
  const webhook = receiver.url;
  const filter = { webhook, webhook_events_filter: ['completed' as const] };
  await client.predictions.create({ model: MODEL, input: input(query), ...filter });
  return { ...world, key };
}

test('webhooks.default.secret.get answers what signs the webhooks, and validateWebhook accepts them', async () => {
  const { receiver, key } = await signedWorld();
  const [webhook] = await receiver.until(1);
  if (!webhook) throw new Error('no webhook');
  expect(key).toMatch(/^whsec_/);
  expect(await validateWebhook(partsOf(webhook, key))).toBe(true);
});

test('validateWebhook refuses a body, id or time that was changed, and another secret', async () => {
  const { receiver, key } = await signedWorld();
  const [webhook] = await receiver.until(1);
  if (!webhook) throw new Error('no webhook');
  const good = partsOf(webhook, key);
  const other = `whsec_${Buffer.from('another secret').toString('base64')}`;
  for (const change of [
    { body: good.body.replace('succeeded', 'failed') },
    { id: 'msg_other' },
    { timestamp: String(Number(good.timestamp) + 1) },
    { secret: other },
  ]) {
    expect(await validateWebhook({ ...good, ...change })).toBe(false);
  }
});

test('validateWebhook refuses a forged webhook and accepts the true one after it', async () => {
  const { receiver, key } = await signedWorld('?simulate=forged-signature');
  const webhooks = await receiver.until(2);
  const verdicts = webhooks.map((webhook) => validateWebhook(partsOf(webhook, key)));
  expect(await Promise.all(verdicts)).toEqual([false, true]);
});

test('validateWebhook does not look at the time, so an old webhook is for Standard Webhooks to refuse', async () => {
  const { receiver, key } = await signedWorld();
  const [webhook] = await receiver.until(1);
  if (!webhook) throw new Error('no webhook');
  const parts = partsOf(webhook, key);
  const headers = {
    'webhook-id': parts.id,
    'webhook-timestamp': parts.timestamp,
    'webhook-signature': parts.signature,
  };
  expect(() => new Webhook(key).verify(parts.body, headers)).not.toThrow();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * 60 * 1000 });
  try {
    expect(await validateWebhook(parts)).toBe(true);
    expect(() => new Webhook(key).verify(parts.body, headers)).toThrow('too old');
  } finally {
    vi.useRealTimers();
  }
});

test('parseProgressFromLogs reads the progress of a prediction', async () => {
  const { client, create } = await replicateWorld();
  const done = await client.wait(await create(), { interval: 10 });
  expect(parseProgressFromLogs(done)).toEqual({ percentage: 1, current: 4, total: 4 });
});

test('accounts.current answers the account', async () => {
  const { client } = await replicateWorld();
  expect(await client.accounts.current()).toMatchObject({
    type: 'organization',
    username: 'simulator',
    name: expect.any(String),
  });
});

test('collections.list and collections.get answer the one collection', async () => {
  const { client } = await replicateWorld();
  const { results } = await client.collections.list();
  expect(results.map(({ slug }) => slug)).toEqual(['virtual-try-on']);
  const { models = [] } = await client.collections.get('virtual-try-on');
  expect(models.map(({ name }) => name)).toEqual(['nano-banana', 'idm-vton']);
  expect(await refusalOf(client.collections.get('nothing'))).toMatchObject({ status: 404 });
});

const deployment = {
  name: 'fitting-room',
  model: 'cuuupid/idm-vton',
  version: VERSION,
  hardware: 'gpu-t4',
  min_instances: 0,
  max_instances: 3,
};

test('deployments.create, get and list answer the deployment and its release', async () => {
  const { client } = await replicateWorld();
  const made = await client.deployments.create(deployment);
  expect(made).toMatchObject({
    owner: 'simulator',
    name: 'fitting-room',
    current_release: {
      number: 1,
      model: 'cuuupid/idm-vton',
      version: VERSION,
      created_by: { username: 'simulator' },
      configuration: { hardware: 'gpu-t4', min_instances: 0, max_instances: 3 },
    },
  });
  expect(await client.deployments.get('simulator', 'fitting-room')).toEqual(made);
  expect((await client.deployments.list()).results).toEqual([made]);
});

test('deployments.create refuses a version, hardware or number that cannot be', async () => {
  const { client } = await replicateWorld();
  for (const wrong of [
    { version: 'f'.repeat(64) },
    { hardware: 'abacus' },
    { max_instances: 21 },
  ]) {
    const refusal = await refusalOf(client.deployments.create({ ...deployment, ...wrong }));
    expect(refusal).toMatchObject({
      status: 422,
      message: expect.stringContaining(Object.keys(wrong).join()),
    });
  }
});

test('deployments.update makes another release', async () => {
  const { client } = await replicateWorld();
  await client.deployments.create(deployment);
  const change = { min_instances: 1, max_instances: 10 };
  expect(await client.deployments.update('simulator', 'fitting-room', change)).toMatchObject({
    current_release: { number: 2, configuration: { hardware: 'gpu-t4', ...change } },
  });
});

test('deployments.delete answers true, and the deployment is gone', async () => {
  const { client } = await replicateWorld();
  await client.deployments.create(deployment);
  expect(await client.deployments.delete('simulator', 'fitting-room')).toBe(true);
  for (const call of [
    client.deployments.get('simulator', 'fitting-room'),
    client.deployments.delete('simulator', 'fitting-room'),
  ]) {
    expect(await refusalOf(call)).toMatchObject({ status: 404 });
  }
});

test('deployments.predictions.create runs what is deployed', async () => {
  const { client, person, garment } = await replicateWorld();
  await client.deployments.create(deployment);
  const run = (name: string) =>
    client.deployments.predictions.create('simulator', name, {
      input: { human_img: person(), garm_img: garment() },
      wait: true,
    });
  expect(await run('fitting-room')).toMatchObject({
    deployment: 'fitting-room',
    model: 'cuuupid/idm-vton',
    status: 'succeeded',
  });
  expect(await refusalOf(run('nothing'))).toMatchObject({ status: 404 });
});

test('files.create and get answer type, size, checksum and metadata', async () => {
  const { client, simulator } = await replicateWorld();
  const file = await client.files.create(new Blob(['hello'], { type: 'text/plain' }), { shop: 7 });
  expect(file).toMatchObject({
    id: expect.stringMatching(/^[0-9a-z]{26}$/),
    content_type: 'text/plain',
    size: 5,
    checksums: { sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' },
    metadata: { shop: 7 },
    urls: { get: `${simulator.url}/replicate/v1/files/${file.id}` },
  });
  expect(await client.files.get(file.id)).toEqual(file);
});

test('files.list answers the newest first', async () => {
  const { client } = await replicateWorld();
  const older = await client.files.create(Buffer.from('one'));
  const newer = await client.files.create(Buffer.from('two'));
  expect((await client.files.list()).results.map(({ id }) => id)).toEqual([newer.id, older.id]);
});

test('files.delete answers true, and the file is gone', async () => {
  const { client } = await replicateWorld();
  const { id } = await client.files.create(Buffer.from('one'));
  expect(await client.files.delete(id)).toBe(true);
  expect(await refusalOf(client.files.get(id))).toMatchObject({ status: 404 });
  expect(await refusalOf(client.files.delete(id))).toMatchObject({ status: 404 });
});

test('hardware.list answers names and SKUs', async () => {
  const { client } = await replicateWorld();
  expect(await client.hardware.list()).toContainEqual({ name: 'Nvidia T4 GPU', sku: 'gpu-t4' });
});

test('models.get answers the model and what its latest version takes', async () => {
  const { client } = await replicateWorld();
  const model = await client.models.get('google', 'nano-banana');
  expect(model).toMatchObject({ owner: 'google', name: 'nano-banana', is_official: true });
  expect(model.latest_version?.openapi_schema).toMatchObject({
    components: { schemas: { Input: { required: ['prompt'] }, Output: { format: 'uri' } } },
  });
  expect(await refusalOf(client.models.get('nobody', 'nothing'))).toMatchObject({ status: 404 });
});

test('models.list and models.search answer what can be run', async () => {
  const { client } = await replicateWorld();
  const names = ({ results }: { results: { name: string }[] }) => results.map(({ name }) => name);
  expect(names(await client.models.list())).toEqual(['nano-banana', 'idm-vton']);
  expect(names(await client.models.search('try-on'))).toEqual(['idm-vton']);
});

test('models.versions.list and models.versions.get answer a version that can be run', async () => {
  const { client, input } = await replicateWorld();
  const { results } = await client.models.versions.list('google', 'nano-banana');
  const id = results[0]?.id ?? '';
  expect(await client.models.versions.get('google', 'nano-banana', id)).toEqual(results[0]);
  expect(await client.run(`google/nano-banana:${id}`, { input: input() })).toMatch(/\.jpeg$/);
  const unknown = client.models.versions.get('google', 'nano-banana', VERSION);
  expect(await refusalOf(unknown)).toMatchObject({ status: 404 });
});

test('run of another model or version is not supported, and says what there is', async () => {
  const { client } = await replicateWorld();
  const run = (name: `${string}/${string}`) =>
    refusalOf(client.run(name, { input: { prompt: 'a' } }));
  const both = 'google/nano-banana and cuuupid/idm-vton.';
  const other = 'black-forest-labs/flux-schnell';
  expect(await run(other)).toMatchObject(gone(`${other}: it has ${both.slice(0, -1)}`));
  const byName = 'cuuupid/idm-vton by its name alone';
  expect(await run('cuuupid/idm-vton')).toMatchObject(gone(`${byName}: add :${VERSION}`));
  const problem = await run(`${other}:${'0'.repeat(64)}`);
  expect(problem).toMatchObject({ status: 422 });
  expect(problem.message).toContain(`cuuupid/idm-vton:${VERSION}`);
});

test('models.create is not supported, and says so', async () => {
  const { client } = await replicateWorld();
  const made = client.models.create('simulator', 'mine', {
    visibility: 'private',
    hardware: 'cpu',
  });
  expect(await refusalOf(made)).toMatchObject(gone('creating models'));
});

test('trainings.create is not supported, and says so', async () => {
  const { client } = await replicateWorld();
  const options = { destination: 'simulator/mine' as const, input: {} };
  const made = client.trainings.create('cuuupid', 'idm-vton', VERSION, options);
  expect(await refusalOf(made)).toMatchObject(gone('trainings'));
});

test('trainings.get, list and cancel are not supported, and say so', async () => {
  const { client } = await replicateWorld();
  const { trainings } = client;
  for (const call of [trainings.get('one'), trainings.list(), trainings.cancel('one')]) {
    expect(await refusalOf(call)).toMatchObject(gone('trainings'));
  }
});

test('request answers any path, with the key', async () => {
  const { client } = await replicateWorld();
  expect((await client.request('/account', { method: 'GET' })).status).toBe(200);
  const unknown = client.request('/nothing', { method: 'GET' });
  expect(await refusalOf(unknown)).toMatchObject({ status: 404 });
});

test('a call with an aborted signal ends', async () => {
  const { client } = await replicateWorld();
  const call = client.accounts.current({ signal: AbortSignal.abort() });
  await expect(call).rejects.toThrow(/abort/i);
});

test('ApiError 401: the key is wrong', async () => {
  const { client } = await replicateWorld({ providers: { replicate: { keys: ['another'] } } });
  expect(await refusalOf(client.accounts.current())).toMatchObject({
    name: 'ApiError',
    status: 401,
    message: expect.stringContaining('"title":"Unauthenticated"'),
  });
});

test('ApiError 402: the account has no credit', async () => {
  const { create } = await replicateWorld({ providers: { replicate: { credits: 0 } } });
  expect(await refusalOf(create())).toMatchObject({ name: 'ApiError', status: 402 });
});

test('ApiError 404: no such prediction', async () => {
  const { client } = await replicateWorld();
  expect(await refusalOf(client.predictions.get('nobody'))).toMatchObject({ status: 404 });
  expect(await refusalOf(client.predictions.cancel('nobody'))).toMatchObject({ status: 404 });
});

test('ApiError 422: the input is wrong, and the detail names the field', async () => {
  const { client } = await replicateWorld();
  const made = client.predictions.create({ model: MODEL, input: { image_input: [] } });
  expect(await refusalOf(made)).toMatchObject({
    status: 422,
    message: expect.stringContaining('prompt'),
  });
});

test('429: the client asks again, without a pause, and succeeds', async () => {
  const { create, simulator } = await replicateWorld();
  expect(await create('?simulate=rate-limited')).toMatchObject({ model: MODEL });
  const { refused } = bookOf(simulator, 'replicate');
  expect(refused.map(({ httpStatus }) => httpStatus)).toEqual([429]);
});

test('ApiError 500: a submission that meets a fault of the server is not sent again', async () => {
  const { create, simulator } = await replicateWorld();
  expect(await refusalOf(create('?simulate=server-errors'))).toMatchObject({ status: 500 });
  expect(bookOf(simulator, 'replicate')).toMatchObject({ accepted: [], refused: [{}] });
});

test('ApiError 502: a page of the gateway is no JSON', async () => {
  const { create } = await replicateWorld();
  expect(await refusalOf(create('?simulate=html-error'))).toMatchObject({
    status: 502,
    message: expect.stringContaining('<h1>502 Bad Gateway</h1>'),
  });
});
