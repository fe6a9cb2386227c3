import { request } from 'node:http';
import { brotliCompressSync, constants } from 'node:zlib';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { head, openRaw } from './raw-connection.ts';
import {
  basic,
  bearer,
  ID,
  problemOf,
  setup,
  signedByFitInView,
  tokenOf,
  VTRYON,
  type World,
} from './setup.ts';

const WEBHOOK = `/webhooks/fashn/${ID}/${tokenOf('fashn', ID)}`;
const API = '/v1/generations';

const ENCODINGS = [
  'br',
  'gzip',
  'deflate',
  'zstd',
  'GZIP',
  'br, identity',
  'identity, gzip',
  'rot13',
];
const JSON_OF_THE_SHOP = { ...bearer('shop'), 'content-type': 'application/json' };

const PLACES = [
  ['a webhook with a token', WEBHOOK, {}],
  ['an account-wide webhook', '/webhooks/vtryon', {}],
  ['a request for a generation', API, JSON_OF_THE_SHOP],
  ['the board', '/admin/queues/api/queues/completions/pause', { ...basic() }],
  ['a path that nobody answers', '/nothing/here', {}],
] as const;

/** Well under 100 bytes, which cost about 16 MB while they are inflated: the window is 24 bits wide. */
const BROTLI_BOMB = brotliCompressSync(Buffer.alloc(16 * 2 ** 20), {
  params: { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 9 },
});

test.each(PLACES)(
  '%s: a compressed body is refused before a byte of it is read',
  async (_, path, headers) => {
    const world = await setup(VTRYON);
    for (const encoding of ENCODINGS) {
      const raw = await openRaw(world.url);
      const sent = {
        ...headers,
        'content-encoding': encoding,
        'content-length': BROTLI_BOMB.length,
      };
      // The body never comes: an answer shows that nobody waited for it.
      raw.send(head(`POST ${path}`, sent));
      expect(await raw.status(), encoding).toBe(415);
      expect(raw.heard()).toContain('unsupported_encoding');
    }
    expect(await world.contents()).toEqual([]);
  },
);

test('200 bodies of under 100 bytes that inflate to 16 MB each cost next to no memory', async () => {
  const world = await setup(VTRYON);
  const before = process.memoryUsage().rss;
  let most = before;
  const statuses = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const response = await world.call('/webhooks/vtryon', {
        method: 'POST',
        headers: { 'content-encoding': 'br' },
        body: new Blob([BROTLI_BOMB]),
      });
      most = Math.max(most, process.memoryUsage().rss);
      return response.status;
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([415]));
  expect((most - before) / 2 ** 20).toBeLessThan(200);
});

test('"identity" is no compression', async () => {
  const world = await setup();
  const response = await world.ask(undefined, { 'content-encoding': 'Identity' });
  expect(response.status).toBe(202);
});

test.each([
  ['a webhook with a token', WEBHOOK, {}, 262_144],
  ['a request for a generation', API, JSON_OF_THE_SHOP, 65_536],
] as const)(
  '%s: a length that is too large is answered 413 before the body comes',
  async (_, path, headers, limit) => {
    const world = await setup();
    const raw = await openRaw(world.url);
    raw.send(head(`POST ${path}`, { ...headers, 'content-length': limit + 1 }));
    expect(await raw.status()).toBe(413);
    expect(raw.heard()).toContain(`larger than ${limit} bytes`);
  },
);

test('a body in chunks without an end is answered 413 as soon as it is too large, and then cut off', async () => {
  const world = await setup();
  const raw = await openRaw(world.url);
  raw.send(head(`POST ${WEBHOOK}`, { 'transfer-encoding': 'chunked' }));
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  let sent = 0;
  const pump = (): void => {
    sent += 0x4000;
    if (!raw.socket.destroyed) raw.socket.write(chunk, pump);
  };
  pump();
  expect(await raw.status()).toBe(413);
  await raw.closed;
  expect(sent).toBeGreaterThan(262_144);
});

test('an app that sends a body far too large still gets to read why', async () => {
  const world = await setup();
  const response = await world.ask(JSON.stringify({ picture: 'x'.repeat(8_000_000) }));
  expect(await problemOf(response)).toMatchObject({ status: 413, code: 'body_too_large' });
});

test('a body that is exactly as large as allowed is read, in one piece and in chunks', async () => {
  const world = await setup();
  const body = Buffer.alloc(262_144, ' ');
  const headers = { 'x-fitinview-signature': signedByFitInView(body) };
  const path = `/webhooks/fitinview/${ID}/${tokenOf('fitinview', ID)}`;
  for (const chunked of [false, true]) {
    const status = await post(
      world,
      path,
      chunked ? headers : { ...headers, 'content-length': body.length },
      body,
    );
    // Authentic, and only then found to be no JSON.
    expect(status).toBe(400);
  }
});

test('bodies that stall take the room of their own kind only, and give it back', async () => {
  const world = await setup({ ...VTRYON, MAX_WEBHOOK_BYTES: String(4 * 1024 * 1024) });
  const stalled = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const raw = await openRaw(world.url);
      raw.send(`${head('POST /webhooks/vtryon', { 'transfer-encoding': 'chunked' })}1\r\nx\r\n`);
      return raw;
    }),
  );
  const vtryon = (): Promise<Response> =>
    world.call('/webhooks/vtryon', { method: 'POST', body: '{}' });
  const refused = await until('the room is taken', async () => {
    const response = await vtryon();
    return response.status === 429 ? response : undefined;
  });
  expect((await problemOf(refused)).code).toBe('too_many_bodies');
  expect(refused.headers.get('retry-after')).toBe('2');
  expect((await world.ask()).status).toBe(202);
  expect(await post(world, WEBHOOK, {}, Buffer.from('{'))).toBe(400);

  for (const raw of stalled) raw.socket.destroy();
  await until('the room is free again', async () => (await vtryon()).status === 401);
});

test('a body in crumbs is refused long before its end, and its sender cut off', async () => {
  const world = await setup(VTRYON);
  const raw = await openRaw(world.url);
  raw.send(head('POST /webhooks/vtryon', { 'transfer-encoding': 'chunked' }));
  raw.send('1\r\nx\r\n'.repeat(3_000));
  const heard = await raw.closed;
  expect(heard).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"body_in_pieces"/);
});

test('a request in line that is given up keeps no room of its kind', async () => {
  const world = await setup({ ...VTRYON, MAX_WEBHOOK_BYTES: String(4 * 1024 * 1024) });
  const inLine = head('POST /webhooks/vtryon', { 'transfer-encoding': 'chunked' });
  for (let given = 0; given < 40; given++) {
    const raw = await openRaw(world.url);
    await new Promise((resolve) => raw.socket.write(`${head('GET /readyz')}${inLine}`, resolve));
    // Not at once: both are to be read before the connection is gone.
    setImmediate(() => raw.socket.resetAndDestroy());
    await raw.closed;
  }
  await until('the room is free', async () => {
    return (await post(world, '/webhooks/vtryon', {}, Buffer.from('{}'))) === 401;
  });
});

/** With Node's own client, which leaves Transfer-Encoding to whoever gives no length. */
function post(world: World, path: string, headers: object, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      world.url + path,
      { method: 'POST', headers: { ...headers } },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    sent.once('error', reject);
    sent.write(body);
    sent.end();
  });
}
