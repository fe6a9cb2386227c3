import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { basic, bearer, expectTryLater, ID, REQUEST, setup, tokenOf } from './setup.ts';

const BODY = JSON.stringify({ id: 'job_1', status: 'processing' });

async function behindProxy(options?: { reachable: boolean }) {
  const proxy = await startRedisProxy(options);
  onTestFinished(() => proxy.close());
  const world = await setup({ REDIS_URL: proxy.url });
  if (options?.reachable !== false) await world.ready();
  const deliver = (): Promise<Response> => world.fromFitInView(BODY);
  const each = {
    ask: () => world.ask(REQUEST, { 'idempotency-key': 'order-1' }),
    read: () => world.call(`/v1/generations/${ID}`, { headers: bearer('shop') }),
    cancel: () => world.cancel(ID),
    deliver,
    ready: () => world.call('/readyz'),
  };
  return { ...world, proxy, deliver, each };
}

async function expectUnavailable(each: Readonly<Record<string, () => Promise<Response>>>) {
  for (const [name, request] of Object.entries(each)) {
    const startedAt = performance.now();
    const response = await request();
    expect(performance.now() - startedAt, name).toBeLessThan(6_000);
    await expectTryLater(response, name, name === 'ready' ? 'redis_unreachable' : undefined);
  }
}

test('while Redis is away everything that needs it is answered 503; afterwards the same again works', async () => {
  const { proxy, each, deliver, ask, call, ready, contents, completions, logged } =
    await behindProxy();
  expect((await deliver()).status).toBe(200);
  const before = await contents();

  await proxy.cut();
  await expectUnavailable(each);
  expect((await call('/livez')).status).toBe(200);
  expect(await contents()).toEqual(before);

  await proxy.mend();
  await ready();
  expect((await deliver()).status).toBe(200);
  expect((await ask(REQUEST, { 'idempotency-key': 'order-1' })).status).toBe(202);
  expect(await completions()).toHaveLength(2);
  expect(logged.join('')).not.toContain(tokenOf('fitinview', ID));
});

test('a process that starts while Redis is away recovers by itself, its board included', async () => {
  const { proxy, each, call, ready, deliver, ask } = await behindProxy({ reachable: false });
  await expectUnavailable(each);
  const board = await call('/admin/queues/api/queues', { headers: basic() });
  expect(board.status).toBe(503);
  expect((await call('/livez')).status).toBe(200);

  await proxy.mend();
  await ready();
  expect((await call('/readyz')).status).toBe(200);
  expect((await deliver()).status).toBe(200);
  expect((await ask()).status).toBe(202);
  await vi.waitFor(
    async () => {
      const again = await call('/admin/queues/api/queues', { headers: basic() });
      expect(again.status).toBe(200);
    },
    { timeout: 5_000 },
  );
});

test('a Redis that takes connections but does not answer counts as away', async () => {
  const { proxy, each, call } = await behindProxy();
  proxy.freeze();
  await expectUnavailable({ deliver: each.deliver, ask: each.ask, ready: each.ready });
  expect((await call('/livez')).status).toBe(200);
});

test('stopping does not wait for a Redis that is away', async () => {
  const { proxy, web } = await behindProxy();
  await proxy.cut();
  const startedAt = performance.now();
  await web.stop();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test('stopping lets a request under way finish, and then waits for no idle connection', async () => {
  const { web, url } = await setup();
  const body = JSON.stringify(REQUEST);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const head = [
    'POST /v1/generations HTTP/1.1',
    'host: catwalk.test',
    `authorization: ${bearer('shop').authorization}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'expect: 100-continue',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  expect(String(await once(socket, 'data'))).toContain('100 Continue');

  const stopped = web.stop();
  const stoppingAt = performance.now();
  socket.write(body);
  expect(String(await once(socket, 'data'))).toContain('202 Accepted');
  await stopped;
  expect(performance.now() - stoppingAt).toBeLessThan(5_000);
});
