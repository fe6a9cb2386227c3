import { readFile } from 'node:fs/promises';
import { type FileOutput, parseProgressFromLogs } from 'replicate';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { ledgerOf } from '../../simulator/setup.ts';
import { COMMUNITY, fetchFrom, gone, MODEL, refusalOf, setupReplicate, VERSION } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "Replicate" in docs/simulator.md.

/** What `run` gave, when it gave a file. */
function fileIn(output: unknown): FileOutput {
  if (!(output instanceof ReadableStream) || !('blob' in output)) throw new Error('not a file');
  return output as FileOutput; // the client's class is not exported; `blob` is what tells it
}

async function formatOf(file: FileOutput): Promise<string> {
  const bytes = Buffer.from(await (await file.blob()).arrayBuffer());
  return (await sharp(bytes).metadata()).format;
}

test('run gives a FileOutput when links are https, as in production', async () => {
  const world = await setupReplicate({ switches: { files: 'https' } });
  world.client.fetch = fetchFrom(world.simulator.url);
  const output = fileIn(await world.client.run(MODEL, { input: world.input() }));
  expect(output.url()).toMatchObject({ host: 'replicate.delivery', protocol: 'https:' });
  expect(await formatOf(output)).toBe('jpeg');
});

test('run gives a FileOutput when files are data URIs', async () => {
  const { client, input } = await setupReplicate({ switches: { files: 'data' } });
  const output = fileIn(await client.run(MODEL, { input: input('', { output_format: 'png' }) }));
  expect(String(output)).toMatch(/^data:image\/png;base64,/);
  expect(await formatOf(output)).toBe('png');
});

test('run gives a string when links are http, which the client takes for no file', async () => {
  const { client, input } = await setupReplicate();
  const output = await client.run(MODEL, { input: input() });
  expect(output).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/results\/[0-9a-f-]+\.jpeg$/);
  expect((await fetch(String(output))).headers.get('content-type')).toBe('image/jpeg');
});

test('run with useFileOutput false gives the link', async () => {
  const world = await setupReplicate({
    switches: { files: 'https' },
    client: { useFileOutput: false },
  });
  expect(await world.client.run(MODEL, { input: world.input() })).toMatch(
    /^https:\/\/replicate\.delivery\//,
  );
});

async function person(): Promise<Buffer> {
  return readFile(new URL('../../../simulator/artwork/person.png', import.meta.url));
}

test('run takes a community model by its version', async () => {
  const { client, person, garment } = await setupReplicate();
  const input = { human_img: person(), garm_img: garment(), category: 'upper_body' };
  expect(await client.run(COMMUNITY, { input })).toMatch(/\.png$/);
});

test('run in poll mode tells progress from starting to succeeded', async () => {
  const { client, input } = await setupReplicate({ timeScale: 0.25 });
  const seen: string[] = [];
  await client.run(MODEL, { input: input(), wait: { mode: 'poll', interval: 20 } }, ({ status }) =>
    seen.push(status),
  );
  expect([...new Set(seen)]).toEqual(['starting', 'processing', 'succeeded']);
});

test('run goes on asking when the prediction takes longer than it waits', async () => {
  const { client, input } = await setupReplicate({ timeScale: 0.1 });
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
  const { client, input, simulator } = await setupReplicate({ scenario: 'stuck' });
  const stop = new AbortController();
  const output = await client.run(
    MODEL,
    { input: input(), wait: { mode: 'poll', interval: 10 }, signal: stop.signal },
    () => stop.abort(),
  );
  expect(output).toBeNull();
  expect(ledgerOf(simulator, 'replicate').accepted[0]?.finalStatus).toBe('canceled');
});

test('run throws the words a prediction failed with', async () => {
  const { client, input } = await setupReplicate();
  const failed = client.run(MODEL, { input: input('?simulate=failed') });
  await expect(failed).rejects.toThrow('Prediction failed: The generation failed');
  const flagged = client.run(MODEL, { input: input('?simulate=moderation') });
  await expect(flagged).rejects.toThrow('Prediction failed: NSFW');
});

test('run uploads a Blob of the input, and the prediction uses it', async () => {
  const { client, garment, simulator } = await setupReplicate();
  const image = new Blob([new Uint8Array(await person())], { type: 'image/png' });
  const output = await client.run(COMMUNITY, { input: { human_img: image, garm_img: garment() } });
  expect((await fetch(String(output))).status).toBe(200);
  expect(ledgerOf(simulator, 'replicate').uploads).toHaveLength(1);
});

test('run uploads a Buffer of the input, and the prediction uses it', async () => {
  const { client, garment } = await setupReplicate();
  const input = { human_img: await person(), garm_img: garment() };
  expect((await fetch(String(await client.run(COMMUNITY, { input })))).status).toBe(200);
});

test('run sends a Blob inline when uploads are out of order', async () => {
  const { client, garment, simulator } = await setupReplicate();
  simulator.setScenario('server-errors', { provider: 'replicate', on: 'upload' });
  const image = new Blob([new Uint8Array(await person())], { type: 'image/png' });
  const output = await client.run(COMMUNITY, { input: { human_img: image, garm_img: garment() } });
  expect((await fetch(String(output))).status).toBe(200);
  expect(ledgerOf(simulator, 'replicate').uploads).toHaveLength(0);
});

test('run with fileEncodingStrategy data-uri is refused, since client 1.4.0 sends itself as input', async () => {
  const { client, garment } = await setupReplicate({
    client: { fileEncodingStrategy: 'data-uri' },
  });
  const input = { human_img: await person(), garm_img: garment() };
  expect(await refusalOf(client.run(COMMUNITY, { input }))).toMatchObject({
    status: 422,
    message: expect.stringContaining('human_img'),
  });
});

test('run gives a FileOutput that fails to read when its link is dead', async () => {
  const world = await setupReplicate({ switches: { files: 'https' } });
  world.client.fetch = fetchFrom(world.simulator.url);
  const output = await world.client.run(MODEL, { input: world.input('?simulate=result-expired') });
  // The client means to throw an ApiError, and trips over its own undefined name on the way.
  await expect(fileIn(output).blob()).rejects.toThrow(ReferenceError);
});

test('wait asks until the prediction is final', async () => {
  const { client, create } = await setupReplicate({ timeScale: 0.02 });
  const done = await client.wait(await create(), { interval: 10 });
  expect(done).toMatchObject({ status: 'succeeded' });
  const failing = create('?simulate=failed').then((made) => client.wait(made, { interval: 10 }));
  await expect(failing).rejects.toThrow('Prediction failed: ');
});

test('stream yields the link of the output, then done', async () => {
  const { client, input } = await setupReplicate();
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
  const world = await setupReplicate({ switches: { files: 'https' } });
  world.client.fetch = fetchFrom(world.simulator.url);
  const formats: string[] = [];
  for await (const { event, data } of world.client.stream(MODEL, { input: world.input() })) {
    if (event === 'output') formats.push(await formatOf(fileIn(data)));
  }
  expect(formats).toEqual(['jpeg']);
});

test('stream throws what a prediction failed with', async () => {
  const { client, input } = await setupReplicate();
  const stream = client.stream(MODEL, { input: input('?simulate=failed') });
  await expect(stream.next()).rejects.toThrow('The generation failed inside the pipeline.');
});

test('stream of a canceled prediction is done, with the reason', async () => {
  const { client, input, simulator } = await setupReplicate({ scenario: 'stuck' });
  const stream = client.stream(MODEL, { input: input() });
  const first = stream.next();
  await expect.poll(() => ledgerOf(simulator, 'replicate').accepted.length).toBe(1);
  await client.predictions.cancel(ledgerOf(simulator, 'replicate').accepted[0]?.taskId ?? '');
  expect((await first).value).toMatchObject({ event: 'done', data: '{"reason":"canceled"}' });
});

test('stream with an aborted signal ends', async () => {
  const { client, input, simulator } = await setupReplicate({ scenario: 'stuck' });
  const stop = new AbortController();
  const first = client.stream(MODEL, { input: input(), signal: stop.signal }).next();
  await expect.poll(() => ledgerOf(simulator, 'replicate').accepted.length).toBe(1);
  stop.abort();
  await expect(first).rejects.toThrow(/abort/i);
});

test('parseProgressFromLogs reads the progress of a prediction', async () => {
  const { client, create } = await setupReplicate();
  const done = await client.wait(await create(), { interval: 10 });
  expect(parseProgressFromLogs(done)).toEqual({ percentage: 1, current: 4, total: 4 });
});

test('run of another model or version is not supported, and says what there is', async () => {
  const { client } = await setupReplicate();
  const run = (name: `${string}/${string}`) =>
    refusalOf(client.run(name, { input: { prompt: 'a' } }));
  const all = 'google/nano-banana, cuuupid/idm-vton, prunaai/p-image-try-on';
  const other = 'black-forest-labs/flux-schnell';
  expect(await run(other)).toMatchObject(gone(`${other}: it has ${all}`));
  const byName = 'cuuupid/idm-vton by its name alone';
  expect(await run('cuuupid/idm-vton')).toMatchObject(gone(`${byName}: add :${VERSION}`));
  const problem = await run(`${other}:${'0'.repeat(64)}`);
  expect(problem).toMatchObject({ status: 422 });
  expect(problem.message).toContain(`cuuupid/idm-vton:${VERSION}`);
});
