import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { InKeptState } from '../../src/generation/kept-result.ts';
import { createOutboundAgent } from '../../src/outbound/public-address.ts';
import { createLoadResult } from '../../src/vault/load-result.ts';
import { createResultSource } from '../../src/vault/result-source.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { resultHost } from './host.ts';
import { PICTURES } from './pictures.ts';

const PNG = await (PICTURES['image/png'] as () => Promise<Buffer>)();
const AS_PNG = { 'content-type': 'image/png' };

const pendingAt = (
  url: string,
  more: Partial<InKeptState<'pending'>> = {},
): InKeptState<'pending'> => ({
  state: 'pending',
  url,
  since: 0,
  tryUntil: 0,
  ...more,
});

/** Loads as a worker does, with small limits. */
async function setup(
  options: { allowInsecure?: boolean; timeoutMs?: number; maxBytes?: number } = {},
) {
  const { allowInsecure = true, timeoutMs = 5_000, maxBytes = 100_000 } = options;
  const [draftsFolder, filesFolder] = [await temporaryFolder(), await temporaryFolder()];
  const dispatcher = createOutboundAgent({ allowInsecure });
  onTestFinished(() => dispatcher.destroy());
  const policy = { allowInsecure };
  const openResult = createResultSource({ dispatcher, policy, filesFolder, userAgent: 'test' });
  const load = createLoadResult({ openResult, draftsFolder, timeoutMs, maxBytes });
  const stop = new AbortController();
  return {
    filesFolder,
    stop,
    load: (url: string, more?: Partial<InKeptState<'pending'>>) =>
      load(pendingAt(url, more), stop.signal),
    drafts: () => readdir(draftsFolder),
  };
}

test('a result is loaded whole, with its hash, its size and its type', async () => {
  const host = await resultHost({
    '/a': (_, response) => response.writeHead(200, AS_PNG).end(PNG),
  });
  const { load } = await setup();
  const { path, ...draft } = await load(`${host.url}/a`);
  const sha256 = createHash('sha256').update(PNG).digest('hex');
  expect(draft).toEqual({ sha256, bytes: PNG.length, contentType: 'image/png' });
  expect(await readFile(path)).toEqual(PNG);
});

test('redirects are followed a few times, and no further', async () => {
  const host = await resultHost({
    '/a': (_, response) => response.writeHead(302, { location: '/b' }).end(),
    '/b': (_, response) => response.writeHead(307, { location: '/c' }).end('x'.repeat(1_000)),
    '/c': (_, response) => response.writeHead(200, AS_PNG).end(PNG),
    '/loop': (_, response) => response.writeHead(302, { location: '/loop' }).end(),
  });
  const { load, drafts } = await setup();
  expect((await load(`${host.url}/a`)).bytes).toBe(PNG.length);
  await expect(load(`${host.url}/loop`)).rejects.toMatchObject({ why: 'link_answered_302' });
  expect(host.asked()).toBe(3 + 4);
  expect(await drafts()).toHaveLength(1);
});

/** What a host may do to us, and what is said of it. None leaves a draft. */
const HOSTILE: readonly [string, string, Parameters<typeof resultHost>[0]['/x']][] = [
  ['answers an error', 'link_answered_503', (_, r) => r.writeHead(503).end('no')],
  ['answers nothing of a file', 'unreadable', (_, r) => r.writeHead(200, AS_PNG).end()],
  [
    'answers a page',
    'unreadable',
    (_, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<p>Sorry'),
  ],
  [
    'answers half a picture',
    'unreadable',
    (_, r) => r.writeHead(200, AS_PNG).end(PNG.subarray(0, 3_000)),
  ],
  [
    'hangs up in the middle',
    'link_unreachable',
    (_, r) => {
      r.writeHead(200, { ...AS_PNG, 'content-length': PNG.length });
      r.write(PNG.subarray(0, 2_000), () => r.destroy());
    },
  ],
  [
    'says a length that is too small',
    'unreadable',
    (request) => {
      request.socket.end(
        Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n'), PNG]),
      );
    },
  ],
  [
    'says a length that is too large',
    'link_unreachable',
    (request) => {
      request.socket.end(
        Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n'), PNG]),
      );
    },
  ],
  [
    'announces too much',
    'too_large',
    (_, r) => r.writeHead(200, { 'content-length': 200_000 }).write('x'),
  ],
  [
    'sends without end',
    'too_large',
    (_, r) => {
      const more = (): void => {
        while (!r.destroyed && r.write(Buffer.alloc(64 * 1024, 1)));
      };
      r.writeHead(200, AS_PNG).on('drain', more);
      more();
    },
  ],
  [
    'compresses although nobody asked',
    'link_answered_200',
    (_, r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(PNG),
  ],
  [
    'lets us drip',
    'link_timeout',
    (_, r) => {
      r.writeHead(200, AS_PNG);
      const timer = setInterval(() => r.write('x'), 20);
      r.on('close', () => clearInterval(timer));
    },
  ],
  ['never answers', 'link_timeout', () => {}],
  ['answers no HTTP', 'link_unreachable', (request) => request.socket.end('nonsense\r\n\r\n')],
];

test.each(HOSTILE)('a host that %s costs neither memory nor time: %s', async (_, why, answer) => {
  const host = await resultHost({ '/x': answer as NonNullable<typeof answer> });
  const { load, drafts } = await setup({ timeoutMs: 1_000 });
  await expect(load(`${host.url}/x`)).rejects.toMatchObject({ name: 'NotKept', why });
  expect(await drafts()).toEqual([]);
});

test('nothing is loaded from a private network, by its link or by a redirect', async () => {
  const host = await resultHost({ '/x': (_, response) => response.end(PNG) });
  const { load } = await setup({ allowInsecure: false });
  for (const url of [
    `${host.url}/x`,
    `https://127.0.0.1:${host.port}/x`,
    'https://169.254.169.254/latest/meta-data',
    'https://[::ffff:10.0.0.1]/x',
    'file:///etc/passwd',
    'https://localhost/x',
  ]) {
    await expect(load(url), url).rejects.toMatchObject({ why: 'link_not_allowed', isFinal: true });
  }
  expect(host.asked()).toBe(0);
});

test('a redirect out of what is allowed is not followed', async () => {
  const host = await resultHost({
    '/x': (_, response) => response.writeHead(302, { location: 'ftp://127.0.0.1/x' }).end(),
  });
  const { load } = await setup();
  await expect(load(`${host.url}/x`)).rejects.toMatchObject({ why: 'link_not_allowed' });
});

test('a link as long as signed ones are is loaded', async () => {
  const host = await resultHost({ '/a': (_, response) => response.end(PNG) });
  const { load } = await setup();
  expect((await load(`${host.url}/a?signature=${'x'.repeat(7_000)}`)).bytes).toBe(PNG.length);
});

test('our own file is loaded from where it lies', async () => {
  const { load, filesFolder } = await setup({ allowInsecure: false });
  const ownFile = `${'a'.repeat(40)}.png`;
  await writeFile(join(filesFolder, ownFile), PNG);
  const draft = await load(`http://127.0.0.1/files/${ownFile}`, { ownFile });
  expect(draft).toMatchObject({ bytes: PNG.length, contentType: 'image/png' });
  const absent = `${'b'.repeat(40)}.png`;
  await expect(load('http://x/', { ownFile: absent })).rejects.toMatchObject({
    why: 'link_answered_404',
  });
});

test('a process that stops waits for no host', async () => {
  const host = await resultHost({ '/x': () => {} });
  const { load, stop, drafts } = await setup({ timeoutMs: 60_000 });
  const loading = load(`${host.url}/x`);
  stop.abort();
  await expect(loading).rejects.toMatchObject({ name: 'NotKept' });
  expect(await drafts()).toEqual([]);
});

test('what flows through is not held: 60 MB in the memory of one', async () => {
  const piece = Buffer.alloc(256 * 1024, 5);
  const host = await resultHost({
    '/x': (_, response) => {
      let left = 240;
      const more = (): void => {
        while (left-- > 0) if (!response.write(piece)) return;
        response.end();
      };
      response.writeHead(200).on('drain', more);
      more();
    },
  });
  const { load } = await setup({ timeoutMs: 60_000, maxBytes: 100 * 1024 ** 2 });
  let most = 0;
  const before = process.memoryUsage().arrayBuffers;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 5);
  expect((await load(`${host.url}/x`)).bytes).toBeGreaterThan(60_000_000);
  clearInterval(watch);
  // Both ends of the connection are in this process.
  expect(most).toBeLessThan(45_000_000);
});
