import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newGenerationId } from '../../src/generation/ids.ts';
import type { KeptState } from '../../src/generation/kept-result.ts';
import { createKeptLedger } from '../../src/store/kept-ledger.ts';
import { createFolderStorage } from '../../src/vault/folder-storage.ts';
import { placeOf } from '../../src/vault/places.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { bearer, OLD_SECRET, problemOf, resultTokenOf, setup } from './setup.ts';

const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251));
const HASH = createHash('sha256').update(BYTES).digest('hex');

/** A web process with one kept result of the shop's. */
async function setupResult(contentType = 'image/png') {
  const folder = await temporaryFolder();
  const world = await setup({ VAULT_DIR: folder });
  const ledger = createKeptLedger(world);
  const id = newGenerationId(Date.now());
  const place = placeOf({ id, index: 0 }, HASH);
  const storage = createFolderStorage(folder);
  await mkdir(storage.draftsFolder, { recursive: true });
  const path = join(storage.draftsFolder, 'a.draft');
  await writeFile(path, BYTES);
  const draft = { path, sha256: HASH, bytes: BYTES.length, contentType };
  await storage.store(draft, place, new AbortController().signal);

  const note = async (index: number, state: KeptState): Promise<void> => {
    await world.redis.hset(world.keys.keptResults(id), String(index), JSON.stringify(state));
  };
  await world.redis.hset(world.keys.keptResults(id), 'tenant', 'shop', 'waits', '');
  const marks = { sha256: HASH, bytes: BYTES.length, contentType };
  await note(0, { state: 'kept', place, keptAt: 1, ...marks });
  const link = (index = 0, token = resultTokenOf(id, index)) =>
    `/v1/results/${id}/${index}?token=${token}`;
  const get = (headers: Record<string, string> = {}, method = 'GET') =>
    world.call(link(), { headers, method, redirect: 'manual' });
  return { ...world, folder, ledger, id, link, get, note, storage, place };
}

const bytesOf = async (response: Response): Promise<Buffer> =>
  Buffer.from(await response.arrayBuffer());

test('a kept result is served to pages of any origin, to be kept by nobody in between', async () => {
  const { get } = await setupResult();
  const response = await get();
  expect(response.status).toBe(200);
  expect(await bytesOf(response)).toEqual(BYTES);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'image/png',
    'content-length': String(BYTES.length),
    'content-disposition': 'inline',
    'cache-control': 'private, max-age=86400, immutable',
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
    etag: `"${HASH}"`,
  });
});

test('what is no picture is not shown by a browser, but saved', async () => {
  const { get } = await setupResult('application/json');
  expect((await get()).headers.get('content-disposition')).toBe('attachment');
});

test('HEAD says the same and sends nothing', async () => {
  const { get } = await setupResult();
  const response = await get({}, 'HEAD');
  expect(response.headers.get('content-length')).toBe(String(BYTES.length));
  expect(await bytesOf(response)).toHaveLength(0);
});

test.each([
  ['bytes=0-9', 0, 9],
  ['bytes=99990-', 99_990, 99_999],
  ['bytes=-1', 99_999, 99_999],
  ['bytes=50000-1000000', 50_000, 99_999],
])('the range %s is served alone', async (range, start, end) => {
  const { get } = await setupResult();
  const response = await get({ range });
  expect(response.status).toBe(206);
  expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/100000`);
  expect(await bytesOf(response)).toEqual(BYTES.subarray(start, end + 1));
});

test('a range that is none of it is refused; several, and odd ones, are answered with the whole', async () => {
  const { get } = await setupResult();
  const beyond = await get({ range: 'bytes=100000-' });
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */100000']);
  expect(beyond.headers.get('cache-control')).toBe('no-store');
  for (const range of ['bytes=0-1,5-6', 'pages=1-2', 'bytes=x']) {
    const response = await get({ range });
    expect(response.status, range).not.toBe(206);
  }
});

test('who has it already is told so, and a range of another version is not mixed in', async () => {
  const { get } = await setupResult();
  expect((await get({ 'if-none-match': `"${HASH}"` })).status).toBe(304);
  expect((await get({ 'if-none-match': '"other"' })).status).toBe(200);
  expect((await get({ range: 'bytes=0-9', 'if-range': `"${HASH}"` })).status).toBe(206);
  expect((await get({ range: 'bytes=0-9', 'if-range': '"other"' })).status).toBe(200);
});

test('a link works with either secret while one replaces the other, and with no other token', async () => {
  const { call, link, id } = await setupResult();
  expect((await call(link(0, resultTokenOf(id, 0, OLD_SECRET)))).status).toBe(200);
  const others = [
    ...[resultTokenOf(id, 1), resultTokenOf(id, 0, 'another secret of 32 characters or more'), ''],
    ...['x'.repeat(5_000), '&token=b', `${resultTokenOf(id, 0)}x`],
  ];
  for (const token of others) {
    const response = await call(link(0, token));
    expect(response.status, token).toBe(404);
    expect((await problemOf(response)).code).toBe('result_not_found');
  }
  for (const path of [
    `/v1/results/${id}/0`,
    `/v1/results/${id}/00?token=${resultTokenOf(id, 0)}`,
  ]) {
    expect((await call(path)).status, path).toBe(404);
  }
});

test('what is not kept says why', async () => {
  const { call, link, note } = await setupResult();
  const url = 'https://cdn.example.com/1.png';
  await note(1, { state: 'pending', url, since: 1, tryUntil: 2 });
  await note(2, { state: 'lost', why: 'link_answered_404', lostAt: 1 });
  await note(3, { state: 'erased', erasedAt: 1 });
  const pending = await call(link(1), { redirect: 'manual' });
  expect([pending.status, pending.headers.get('location')]).toEqual([302, url]);
  for (const [index, code] of [
    [2, 'result_lost'],
    [3, 'result_erased'],
    [4, 'result_gone'],
  ] as const) {
    const response = await call(link(index));
    expect(response.status).toBe(410);
    expect((await problemOf(response)).code).toBe(code);
    expect(response.headers.get('cache-control')).toBe('no-store');
  }
});

test('a file that somebody removed is gone, and said to be missed', async () => {
  const { get, storage, place, logged } = await setupResult();
  await storage.remove(place);
  const response = await get();
  expect([response.status, (await problemOf(response)).code]).toEqual([410, 'result_gone']);
  expect(logged.some((line) => line.includes('could not be read'))).toBe(true);
});

test('a storage that fails is answered 503, to be asked again', async () => {
  const { get, folder } = await setupResult();
  await rm(join(folder, 'results'), { recursive: true });
  await writeFile(join(folder, 'results'), 'no folder');
  const response = await get();
  expect([response.status, (await problemOf(response)).code]).toEqual([
    503,
    'temporarily_unavailable',
  ]);
  expect(response.headers.get('retry-after')).toBe('5');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('etag')).toBeNull();
});

test('only the tenant whose results they are may erase them', async () => {
  const { call, id, get } = await setupResult();
  const erase = (tenant: 'shop' | 'rival') =>
    call(`/v1/generations/${id}/results`, { method: 'DELETE', headers: bearer(tenant) });
  expect((await call(`/v1/generations/${id}/results`, { method: 'DELETE' })).status).toBe(401);
  expect((await erase('rival')).status).toBe(404);
  expect((await get()).status).toBe(200);
  expect((await erase('shop')).status).toBe(200);
  expect((await get()).status).toBe(410);
});

test('no log line holds a token', async () => {
  const { call, link, id, logged } = await setupResult();
  await call(link());
  await call(link(7));
  expect(logged.join('')).not.toContain(resultTokenOf(id, 0));
  expect(logged.join('')).not.toContain(resultTokenOf(id, 7));
});
