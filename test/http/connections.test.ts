import { expect, onTestFinished, test } from 'vitest';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { until } from '../support/until.ts';
import { head, openRaw } from './raw-connection.ts';
import { bearer, ID, setup, tokenOf, VTRYON } from './setup.ts';

const API = '/v1/generations';
const WEBHOOK = `/webhooks/fashn/${ID}/${tokenOf('fashn', ID)}`;

test.each([
  ['whose head stalls', (_: string) => `POST ${WEBHOOK} HTTP/1.1\r\nhost: catwalk.test\r\nx-a`],
  ['whose body stalls', () => `${head(`POST ${WEBHOOK}`, { 'content-length': 100 })}{"id"`],
  [
    'whose chunks stall',
    () => `${head(`POST ${WEBHOOK}`, { 'transfer-encoding': 'chunked' })}5\r\n{"id"`,
  ],
  ['that sends nothing at all', () => ''],
])('a connection %s is let go when the time for a request is over', async (_, bytes) => {
  const world = await setup({ REQUEST_TIMEOUT_MS: '300' });
  const raw = await openRaw(world.url);
  const text = bytes('');
  if (text) raw.send(text);
  const startedAt = performance.now();
  const heard = await raw.closed;
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  if (text) expect(heard).toMatch(/^HTTP\/1\.1 408 /);
});

test('a body that trickles is let go when its time is over, however steadily it comes', async () => {
  const world = await setup({ REQUEST_TIMEOUT_MS: '300' });
  const raw = await openRaw(world.url);
  raw.send(head(`POST ${WEBHOOK}`, { 'content-length': 100_000 }));
  const trickle = setInterval(() => raw.socket.destroyed || raw.send('x'), 20);
  const heard = await raw.closed.finally(() => clearInterval(trickle));
  expect(heard).toMatch(/^HTTP\/1\.1 408 /);
});

test('when all connections are taken, those that wait idly make room', async () => {
  const world = await setup({ MAX_CONNECTIONS: '10' });
  const idle = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const raw = await openRaw(world.url);
      raw.send(head('GET /livez'));
      expect(await raw.status()).toBe(200);
      return raw;
    }),
  );
  await until('one more is served', async () => {
    const raw = await openRaw(world.url);
    raw.send(head('GET /livez'));
    return raw.status().catch(() => false);
  });
  await Promise.all(idle.map((raw) => raw.closed));
  expect(world.logged.join()).toContain('connections refused');
});

test.each([
  ['say nothing', ''],
  ['never end their head', 'POST /webhooks/vtryon HTTP/1.1\r\nx: y'],
  ['never send their body', head('POST /webhooks/vtryon', { 'content-length': 1 })],
])('connections that %s cannot keep everybody else out', async (_, text) => {
  const world = await setup({ ...VTRYON, MAX_CONNECTIONS: '10' });
  const stalled = await Promise.all(Array.from({ length: 10 }, () => openRaw(world.url)));
  for (const raw of stalled) if (text) raw.send(text);
  const served = await until('somebody else is served', async () => {
    const raw = await openRaw(world.url);
    raw.send(head('GET /livez'));
    return raw.status().catch(() => undefined);
  });
  expect(served).toBe(200);
  await Promise.all(stalled.map((raw) => raw.closed));
});

test('a body that nobody will read is not kept while its request waits for an answer', async () => {
  const proxy = await startRedisProxy();
  onTestFinished(() => proxy.close());
  const world = await setup({ REDIS_URL: proxy.url });
  await world.ready();
  const ping = proxy.holdFrom('ping');
  const before = process.memoryUsage().rss;
  const unread = `${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`;
  const chunked = { 'transfer-encoding': 'chunked' };
  const closing = { ...chunked, connection: 'close' };
  const senders = await Promise.all(Array.from({ length: 20 }, () => openRaw(world.url)));
  for (const raw of senders) {
    // The second is answered at once, and waits for the first.
    raw.send(head('GET /readyz', chunked) + unread + head('POST /nothing/here', closing) + unread);
  }
  await ping.reached;
  // Each answer is a turn of the event loop, in which every connection is read.
  for (let turn = 0; turn < 5; turn++) expect((await world.call('/livez')).status).toBe(200);
  const growth = (process.memoryUsage().rss - before) / 2 ** 20;
  ping.release();
  const answers = await Promise.all(senders.map((raw) => raw.closed));
  const statuses = answers.map((heard) => heard.match(/(?<=HTTP.1.1 )[0-9]+/g)?.join());
  // On a busy machine the ping is held for longer than readiness waits for it.
  for (const status of statuses) expect(status).toMatch(/^(200|503),404$/);
  expect(growth).toBeLessThan(70);
});

test('requests that are sent before the last is answered are answered in turn', async () => {
  const world = await setup();
  const raw = await openRaw(world.url);
  const authentic = head('GET /v1/callback-secret', bearer('shop'));
  const foreign = `${head(`POST ${API}`, { 'content-length': 2 })}{}`;
  raw.send((authentic + foreign).repeat(10) + head('GET /livez', { connection: 'close' }));
  const statuses = [...(await raw.closed).matchAll(/HTTP\/1\.1 (\d+)/g)].map(
    ([, status]) => status,
  );
  expect(statuses.join(' ')).toBe(`${'200 401 '.repeat(10)}200`);
});

test('whoever sends requests by the hundred without waiting for an answer is answered 429', async () => {
  const world = await setup();
  const raw = await openRaw(world.url);
  raw.send(head('GET /readyz').repeat(500) + head('GET /readyz', { connection: 'close' }));
  const heard = await raw.closed;
  expect(heard.match(/HTTP\/1\.1 429/g)?.length).toBeGreaterThan(400);
  expect(heard.match(/HTTP\/1\.1 200/g)?.length).toBeGreaterThanOrEqual(40);
});

test('a connection is kept no longer than its request by what waits for the rest of a body', async () => {
  const world = await setup();
  const warnings: string[] = [];
  const warn = ({ name }: Error): number => warnings.push(name);
  process.on('warning', warn);
  onTestFinished(() => {
    process.off('warning', warn);
  });
  const raw = await openRaw(world.url);
  for (let refused = 1; refused <= 20; refused++) {
    raw.send(head('POST /nothing/here', { 'content-length': 1 }));
    await until('it is refused', () => raw.heard().match(/HTTP\/1\.1 404/g)?.length === refused);
    raw.send('x');
  }
  expect(warnings).toEqual([]);
});

test.each(['http://?x', 'a://b?x', 'http://[::1'])(
  'the target %s, which has no path, is answered like any other that leads nowhere',
  async (target) => {
    const world = await setup();
    const raw = await openRaw(world.url);
    raw.send(head(`GET ${target}`, { connection: 'close' }));
    const heard = await raw.closed;
    expect(heard).toMatch(/^HTTP\/1\.1 404 /);
    expect(heard).toMatch(/application\/problem\+json[\s\S]*"code":"not_found"/);
    expect(heard).toMatch(/x-content-type-options: nosniff/i);
    expect(world.logged.join()).toContain('"status":404');
  },
);

test('a target with the origin before its path is answered as its path', async () => {
  const raw = await openRaw((await setup()).url);
  raw.send(head('GET http://catwalk.test/livez', { connection: 'close' }));
  expect(await raw.closed).toMatch(/^HTTP\/1\.1 200 /);
});
