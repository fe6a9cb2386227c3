import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Result } from '../../src/generation/generation.ts';
import type { CompletionEvent } from '../../src/generation/jobs.ts';
import type { ShownResult } from '../../src/generation/kept-result.ts';
import type { ProviderFactory } from '../../src/providers/provider-settings.ts';
import { startCallbackReceiver } from '../support/callback-receiver.ts';
import { operate } from '../support/operations.ts';
import { type PipelineOptions, SECRET, setupPipeline, TENANT } from '../support/pipeline.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { resultHost } from '../vault/host.ts';
import { PICTURES } from '../vault/pictures.ts';

type File = Extract<ShownResult, { kind: 'file' }>;

const PNG = await (PICTURES['image/png'] as () => Promise<Buffer>)();
const JPEG = await (PICTURES['image/jpeg'] as () => Promise<Buffer>)();
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const sending =
  (bytes: Buffer): RequestListener =>
  (_, response) =>
    response.writeHead(200).end(bytes);

/** Completes every generation at once, with these results. */
const answering =
  (results: readonly Result[], resultLifetimeMs?: number): ProviderFactory =>
  () => ({
    name: 'fashn',
    models: {
      'tryon-v1.6': {
        ...{ type: 'image-fast', about: 'Makes what it is told.' },
        input: z.record(z.string(), z.unknown()),
        ...(resultLifetimeMs !== undefined && { resultLifetimeMs }),
      },
    },
    limits: { submits: { max: 1_000, perMs: 1_000 }, concurrency: 50, pollsPerSecond: 100 },
    repeatSubmit: { kind: 'none' },
    inputs: 'url',
    submit: async ({ idempotencyKey }) => ({
      task: { id: idempotencyKey },
      outcome: { verdict: 'completed', results: [...results] },
    }),
    check: async () => ({ kind: 'missing' }),
  });

interface Options extends PipelineOptions {
  readonly hosted?: Readonly<Record<string, RequestListener>>;
  readonly lifetimeMs?: number;
}

/** A pipeline whose provider makes a file for each path of its host. */
async function setup(options: Options = {}) {
  const {
    hosted = { '/a.png': sending(PNG), '/b.jpg': sending(JPEG) },
    lifetimeMs,
    ...rest
  } = options;
  const folder = await temporaryFolder();
  const host = await resultHost(hosted);
  const results = Object.keys(hosted).map(
    (path): Result => ({ kind: 'file', url: host.url + path }),
  );
  const factories = new Map([['fashn', answering(results, lifetimeMs)]]);
  const pipeline = await setupPipeline({
    factories,
    ...rest,
    env: { VAULT_DIR: folder, FITINVIEW_API_KEY: '', ...rest.env },
  });
  const shown = async (id: string): Promise<File[]> =>
    (await pipeline.get(id)).results.filter((one) => one.kind === 'file');
  return {
    ...pipeline,
    host,
    folder,
    shown,
    ask: async (more: object = {}) => pipeline.request('fashn', more),
    eventOf: (id: string) =>
      until('it is told', () => pipeline.eventsOf(id)[0]) as Promise<CompletionEvent>,
    untilAll: (id: string, kept: File['kept']) =>
      until(`all are ${kept}`, async () => {
        const results = await shown(id);
        const isSo = results.length > 0 && results.every((one) => one.kept === kept);
        return isSo ? results : undefined;
      }),
    /** From now on nothing can be stored; answers how to mend that. */
    breakStorage: async () => {
      await writeFile(join(folder, 'results'), 'no folder');
      return () => rm(join(folder, 'results'));
    },
  };
}

const linksIn = (event: CompletionEvent): string[] =>
  event.data.results.map((one) => (one.kind === 'file' ? (one.keptUrl ?? '') : ''));

test('every file of a completed generation is kept, and its link serves it for good', async () => {
  const world = await setup({ lifetimeMs: 3_600_000 });
  const id = await world.ask();
  const event = await world.eventOf(id);
  expect(event.data.results).toMatchObject([
    { kept: 'pending', url: `${world.host.url}/a.png` },
    { kept: 'pending' },
  ]);
  const finishedAt = Date.parse(event.data.timings.finishedAt);
  expect(event.data.results[0]).toMatchObject({
    expiresAt: new Date(finishedAt + 3_600_000).toISOString(),
  });
  const kept = await world.untilAll(id, 'kept');
  expect(kept).toMatchObject([
    { sha256: sha256(PNG), bytes: PNG.length, contentType: 'image/png' },
    { sha256: sha256(JPEG), bytes: JPEG.length, contentType: 'image/jpeg' },
  ]);
  const [first, second] = linksIn(event);
  for (const [link, bytes] of [
    [first, PNG],
    [second, JPEG],
  ] as const) {
    const response = await fetch(link ?? '');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
  }
});

test('while a result is on its way, its link leads to the provider’s', async () => {
  const world = await setup();
  const mend = await world.breakStorage();
  const event = await world.eventOf(await world.ask());
  const response = await fetch(linksIn(event)[0] ?? '', { redirect: 'manual' });
  expect(response.status).toBe(302);
  expect(response.headers.get('location')).toBe(`${world.host.url}/a.png`);
  expect(response.headers.get('cache-control')).toBe('no-store');
  await mend();
});

test('a storage that is down for a while loses nothing', async () => {
  const world = await setup();
  const mend = await world.breakStorage();
  const ids = await Promise.all(Array.from({ length: 5 }, () => world.ask()));
  await until('it was tried', () => world.lines.some(({ reason }) => reason === 'storage_failed'));
  await mend();
  for (const id of ids) await world.untilAll(id, 'kept');
  expect(await readdir(join(world.folder, 'drafts'))).toEqual([]);
});

test('a link that fails is tried until it works', async () => {
  let tries = 0;
  const world = await setup({
    hosted: {
      '/a.png': (request, response) =>
        tries++ < 2 ? response.writeHead(404).end() : sending(PNG)(request, response),
    },
  });
  await world.untilAll(await world.ask(), 'kept');
  expect(tries).toBe(3);
});

test('a link that is dead at its end is lost, loudly, and the app is told why', async () => {
  const world = await setup({
    hosted: { '/a.png': (_, response) => response.writeHead(403).end() },
    lifetimeMs: 1_500,
  });
  const id = await world.ask();
  const [lost] = await world.untilAll(id, 'lost');
  expect(lost).toMatchObject({ lostBecause: 'link_answered_403' });
  expect(world.lines.find(({ msg }) => msg === 'result lost')).toMatchObject({ level: 50 });
  const [link] = linksIn(await world.eventOf(id));
  const gone = await fetch(link ?? '');
  expect([gone.status, ((await gone.json()) as { code: string }).code]).toEqual([
    410,
    'result_lost',
  ]);
});

test('who asked for kept results is told when they are, once, with their hashes', async () => {
  const callbacks = await startCallbackReceiver(SECRET, TENANT);
  const world = await setup();
  const mend = await world.breakStorage();
  const body = { ...world.bodyOf('fashn', { callbackUrl: callbacks.url }), results: 'kept' };
  const id = ((await (await world.post(body)).json()) as { id: string }).id;
  await until('it was tried', () => world.lines.some(({ reason }) => reason === 'storage_failed'));
  expect((await world.get(id)).status).toBe('completed');
  expect(world.eventsOf(id)).toEqual([]);
  await mend();
  const event = await world.eventOf(id);
  expect(event.data.results).toMatchObject([
    { kept: 'kept', sha256: sha256(PNG), bytes: PNG.length },
    { kept: 'kept', sha256: sha256(JPEG) },
  ]);
  await until('it is called back', () => callbacks.received.length > 0);
  await world.untilSettled([id]);
  expect(world.eventsOf(id)).toHaveLength(1);
  expect(callbacks.received).toHaveLength(1);
  await callbacks.close();
});

test('who asked for kept results is told of a loss too', async () => {
  const world = await setup({
    hosted: { '/a.png': sending(PNG), '/b.png': (_, response) => response.writeHead(410).end() },
    lifetimeMs: 1_200,
  });
  const id = (
    (await (await world.post({ ...world.bodyOf('fashn'), results: 'kept' })).json()) as {
      id: string;
    }
  ).id;
  const event = await world.eventOf(id);
  expect(event.data.results).toMatchObject([
    { kept: 'kept' },
    { kept: 'lost', lostBecause: 'link_answered_410' },
  ]);
});

test('a copy outlives the process that made it, and every job that Redis forgot', async () => {
  const world = await setup({ workers: false, env: { VAULT_TIMEOUT_MS: '1000' } });
  const id = await world.ask();
  const { stop } = await world.startWorkers({ WORKER_ROLES: 'submit,poll,completion' });
  await world.untilFinal(id);
  await until(
    'both are owed',
    async () => (await world.queue('vault').getJobCountByTypes('waiting')) === 2,
  );
  await stop();
  await world.queue('vault').obliterate({ force: true });
  await world.startWorkers({ WORKER_ROLES: 'vault' });
  await world.untilAll(id, 'kept');
}, 60_000);

test('without a vault nothing is written for it, and results say so', async () => {
  const world = await setup({ env: { VAULT_DIR: '' } });
  const id = await world.ask();
  const event = await world.eventOf(id);
  expect(event.data.results).toEqual([
    { kind: 'file', url: `${world.host.url}/a.png`, kept: 'off' },
    { kind: 'file', url: `${world.host.url}/b.jpg`, kept: 'off' },
  ]);
  expect(await world.shown(id)).toEqual(event.data.results);
  expect(await world.redis.keys(`${world.keys.prefix}:ke*`)).toEqual([]);
  const refused = await world.post({ ...world.bodyOf('fashn'), results: 'kept' });
  expect(refused.status).toBe(400);
  expect(((await refused.json()) as { errors: unknown[] }).errors).toMatchObject([
    { field: 'results' },
  ]);
});

test('the app erases what is kept of its own, with proof; the file is gone, and so is the link', async () => {
  const world = await setup();
  const id = await world.ask();
  await world.untilAll(id, 'kept');
  const response = await world.call('DELETE', `/v1/generations/${id}/results`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    ...{ type: 'catwalk.erasure', generationId: id, tenant: TENANT, filesRemoved: 2 },
    results: [
      { index: 0, was: 'kept', sha256: sha256(PNG), bytes: PNG.length },
      { index: 1, was: 'kept', sha256: sha256(JPEG) },
    ],
  });
  expect(await filesIn(world.folder)).toEqual([]);
  const [link] = linksIn(await world.eventOf(id));
  expect((await fetch(link ?? '')).status).toBe(410);
  expect(await world.shown(id)).toMatchObject([{ kept: 'erased' }, { kept: 'erased' }]);
});

test('the operator erases a tenant, with proofs that anybody who holds the secret can check', async () => {
  const world = await setup();
  const ids = [await world.ask(), await world.ask()];
  for (const id of ids) await world.untilAll(id, 'kept');
  const env = { ...world.env, PORT: '3000' };
  const other = await operate(env, 'erase', '--tenant', 'somebody-else');
  expect(other.code).toBe(2);
  const { code, lines } = await operate(env, 'erase', '--tenant', TENANT);
  expect(code, lines.join('\n')).toBe(0);
  const proofs = lines.filter((line) => line.startsWith('{"type"'));
  expect(proofs).toHaveLength(2);
  for (const line of proofs) {
    const { signature, ...proof } = JSON.parse(line) as { signature: string; generationId: string };
    expect(ids).toContain(proof.generationId);
    // As docs/results.md says, computed here on its own.
    const { createHmac } = await import('node:crypto');
    const key = createHmac('sha256', SECRET).update('catwalk:erasure-proof').digest();
    expect(signature).toBe(createHmac('sha256', key).update(JSON.stringify(proof)).digest('hex'));
  }
  expect(await filesIn(world.folder)).toEqual([]);
  for (const id of ids) expect(linksIn(await world.eventOf(id))).toHaveLength(2);
}, 60_000);

test('what is erased while it is copied is not kept', async () => {
  let open: (() => void) | undefined;
  const world = await setup({
    hosted: {
      '/a.png': (request, response) => {
        open = () => sending(PNG)(request, response);
      },
    },
  });
  const id = await world.ask();
  await until('it is asked for', () => open);
  expect((await world.call('DELETE', `/v1/generations/${id}/results`)).status).toBe(200);
  open?.();
  await until(
    'nothing is owed',
    async () => (await world.redis.exists(world.keys.keepNow, world.keys.keepLater)) === 0,
  );
  expect(await filesIn(world.folder)).toEqual([]);
  expect(await world.shown(id)).toMatchObject([{ kept: 'erased' }]);
});

async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((one) => one.isFile()).map(({ name }) => name);
}
