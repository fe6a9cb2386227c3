import { once } from 'node:events';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Agent, FormData } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import {
  type CallKind,
  createHttpClient,
  type HttpAnswer,
  type HttpClient,
} from '../../src/outbound/http-client.ts';
import { retryAfterMs } from '../../src/outbound/retry-after.ts';
import { userAgentOf } from '../../src/outbound/user-agent.ts';
import { deferral, refusal } from '../../src/providers/refusal.ts';
import { createLatch } from '../support/latch.ts';
import {
  always,
  type LoopbackServer,
  loopbackServer,
  rawServer,
} from '../support/loopback-server.ts';
import { until } from '../support/until.ts';

function setup(options: { timeoutMs?: number; maxBodyBytes?: number; dispatcher?: Agent } = {}) {
  const http = createHttpClient({ timeoutMs: 5_000, maxBodyBytes: 1_000, ...options });
  onTestFinished(http.close);
  const call = (kind: CallKind, url: string, signal?: AbortSignal) =>
    http.request({ kind, method: 'POST', url, json: { a: 1 }, signal });
  return { http, call };
}

async function untilFinished(starting: Promise<LoopbackServer>): Promise<LoopbackServer> {
  const server = await starting;
  onTestFinished(server.close);
  return server;
}

const serve = (...args: Parameters<typeof loopbackServer>) =>
  untilFinished(loopbackServer(...args));
const serveRaw = (...args: Parameters<typeof rawServer>) => untilFinished(rawServer(...args));

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('it should have failed');
  return error;
}

/** A port on which nothing listens. */
async function closedPort(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

const unsure = { name: 'OutcomeUnknown' };
const again = { name: 'Retryable', code: 'unavailable' };

describe('a submission that certainly was not sent may be repeated', () => {
  test('when the connection is refused', async () => {
    await expect(setup().call('submit', await closedPort())).rejects.toMatchObject(again);
  });

  test('when the name does not resolve', async () => {
    const { call } = setup();
    await expect(call('submit', 'http://nobody.invalid/')).rejects.toMatchObject(again);
  });

  test('when TLS fails, whichever side hangs up', async () => {
    const plain = await serve(always(200, {}));
    const { call } = setup();
    const secure = plain.url.replace('http:', 'https:');
    await expect(call('submit', secure)).rejects.toMatchObject(again);
    const hangsUp = await serveRaw((socket) => socket.resetAndDestroy());
    const reset = hangsUp.url.replace('http:', 'https:');
    await expect(call('submit', reset)).rejects.toMatchObject(again);
  });

  test('when the deadline passes while it waits for a connection, and it is not sent later', async () => {
    const server = await serve((request, _req, res) => {
      setTimeout(() => res.end('{}'), request.url === '/first' ? 400 : 0);
    });
    const dispatcher = new Agent({ connections: 1 });
    onTestFinished(() => dispatcher.close());
    const patient = setup({ dispatcher });
    const hasty = setup({ dispatcher, timeoutMs: 100 });
    const first = patient.call('submit', `${server.url}/first`);
    await expect(hasty.call('submit', `${server.url}/second`)).rejects.toMatchObject(again);
    await first;
    await patient.call('safe-to-retry', `${server.url}/third`);
    expect(server.received.map(({ url }) => url)).toEqual(['/first', '/third']);
  });

  test('when it was given up before it began', async () => {
    const server = await serve(always(200, {}));
    await expect(setup().call('submit', server.url, AbortSignal.abort())).rejects.toMatchObject(
      again,
    );
    expect(server.received).toHaveLength(0);
  });
});

describe.each([
  ['submit', unsure, 'unknown'],
  ['safe-to-retry', again, 'repeatable'],
] as const)('after the request was written, a %s', (kind, expected, word) => {
  test(`is ${word} when the connection is reset`, async () => {
    const server = await serveRaw((socket) => socket.resetAndDestroy());
    await expect(setup().call(kind, server.url)).rejects.toMatchObject(expected);
  });

  test(`is ${word} when the other side closes`, async () => {
    const server = await serveRaw((socket) => socket.end());
    await expect(setup().call(kind, server.url)).rejects.toMatchObject(expected);
  });

  test(`is ${word} when no headers come in time`, async () => {
    const server = await serve(() => {});
    const { call } = setup({ timeoutMs: 150 });
    await expect(call(kind, server.url)).rejects.toMatchObject(expected);
  });

  test(`is ${word} when the body drips past the deadline`, async () => {
    const server = await serve((_request, _req, res) => {
      res.writeHead(200);
      const drip = setInterval(() => res.write(' '), 20);
      res.on('close', () => clearInterval(drip));
    });
    const { call } = setup({ timeoutMs: 200 });
    await expect(call(kind, server.url)).rejects.toMatchObject(expected);
  });

  test(`is ${word} when the body ends early, by length or by chunk`, async () => {
    const heads = [
      'Content-Length: 100\r\n\r\n{"id":',
      'Transfer-Encoding: chunked\r\n\r\n6\r\n{"id":',
    ];
    for (const head of heads) {
      const server = await serveRaw((socket) => socket.end(`HTTP/1.1 200 OK\r\n${head}`));
      await expect(setup().call(kind, server.url)).rejects.toMatchObject(expected);
    }
  });

  test(`is ${word} when the body is too large, and the rest is not read`, async () => {
    const server = await serve(always(200, 'x'.repeat(1_001)));
    await expect(setup().call(kind, server.url)).rejects.toMatchObject(expected);
  });

  test(`is ${word} when the answer is not HTTP`, async () => {
    const server = await serveRaw((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    await expect(setup().call(kind, server.url)).rejects.toMatchObject(expected);
  });

  test(`is ${word} when the caller gives it up`, async () => {
    const giveUp = new AbortController();
    const server = await serve(() => giveUp.abort());
    await expect(setup().call(kind, server.url, giveUp.signal)).rejects.toMatchObject(expected);
  });

  test(`is ${word} when a 2xx holds no JSON, or JSON of another shape`, async () => {
    for (const body of ['<html>', '', '[]', '{"id":5}']) {
      const server = await serve(always(200, body));
      const answer = await setup().call(kind, server.url);
      const error = await errorOf(
        Promise.resolve().then(() => answer.read(z.object({ id: z.string() }))),
      );
      expect(error).toMatchObject(expected);
    }
  });

  test(`is ${word} after a 502 with HTML`, async () => {
    const server = await serve(always(502, '<html>Bad gateway</html>'));
    const answer = await setup().call(kind, server.url);
    expect(answer.peek(z.object({}))).toBeUndefined();
    expect(refusal(answer)).toMatchObject(expected);
  });
});

describe('an answer', () => {
  test('costs no more memory when its host cuts it into single bytes', async () => {
    const size = 2_000_000;
    const pieces = '1\r\nx\r\n'.repeat(10_000);
    const server = await serveRaw((socket) => {
      let sent = 0;
      const pump = (): void => {
        if (sent >= size) {
          socket.write('0\r\n\r\n');
          return;
        }
        sent += 10_000;
        socket.write(pieces, pump);
      };
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', pump);
    });
    const { call } = setup({ timeoutMs: 20_000, maxBodyBytes: size });
    const before = process.memoryUsage().rss;
    let most = before;
    const sampling = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const answer = await call('safe-to-retry', server.url).finally(() => clearInterval(sampling));
    expect(answer.body.equals(Buffer.alloc(size, 'x'))).toBe(true);
    // Each chunk used to be an object of its own: 140 bytes and more for each byte.
    expect((most - before) / 2 ** 20).toBeLessThan(120);
  });

  test('arrives with its status, headers and exact bytes, JSON sent as JSON', async () => {
    const server = await serve(always(201, '{"é":1}', { 'x-one': '1' }));
    const answer = await setup().call('submit', `${server.url}/a?b=c`);
    expect(answer).toMatchObject({ status: 201, ok: true, headers: { 'x-one': '1' } });
    expect(answer.json()).toEqual({ é: 1 });
    expect(answer.body).toEqual(Buffer.from('{"é":1}'));
    expect(server.received[0]).toMatchObject({
      url: '/a?b=c',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    });
  });

  test('is asked for as JSON, by a product that names itself, unless the call says otherwise', async () => {
    const server = await serve(always(200, {}));
    const { http, call } = setup();
    const usual = {
      'user-agent': userAgentOf(),
      accept: 'application/json',
      'accept-encoding': 'identity',
    };
    await call('submit', server.url);
    const form = new FormData();
    form.append('a', '1');
    await http.request({ kind: 'safe-to-retry', method: 'POST', url: server.url, body: form });
    for (const headers of [
      { 'User-Agent': 'own/1', ACCEPT: 'image/png', 'Content-Type': 'application/vnd.own+json' },
      { 'user-agent': 'own/1', accept: 'image/png', 'content-type': 'application/vnd.own+json' },
    ]) {
      await http.request({
        kind: 'safe-to-retry',
        method: 'POST',
        url: server.url,
        headers,
        json: {},
      });
    }
    const [first, multipart, ...own] = server.received.map(({ headers }) => headers);
    expect(first).toMatchObject(usual);
    expect(multipart).toMatchObject({
      ...usual,
      'content-type': expect.stringMatching(/^multipart\/form-data; boundary=/),
    });
    expect(own).toHaveLength(2);
    for (const headers of own) {
      expect(headers).toMatchObject({
        'user-agent': 'own/1',
        accept: 'image/png',
        'content-type': 'application/vnd.own+json',
      });
    }
  });

  test('that is compressed although nobody asked says so: whoever reads the log need not guess', async () => {
    for (const kind of ['submit', 'safe-to-retry'] as const) {
      const server = await serve((_request, _req, res) =>
        res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"id":"1"}')),
      );
      const answer = await setup().call(kind, server.url);
      expect(() => answer.json()).toThrow(/the body is not JSON that is taken: it is compressed$/);
    }
  });

  test('that refuses is a refusal even when its body is too large', async () => {
    const server = await serve(always(400, 'x'.repeat(1_001)));
    const answer = await setup().call('submit', server.url);
    expect(refusal(answer)).toMatchObject({ name: 'Terminal', code: 'invalid_input' });
  });

  test('that redirects is not followed', async () => {
    const server = await serve(always(307, '', { location: '/elsewhere' }));
    expect((await setup().call('submit', server.url)).status).toBe(307);
    expect(server.received).toHaveLength(1);
  });

  test('with a header twice has the first, as text', async () => {
    const server = await serveRaw((socket) =>
      socket.end('HTTP/1.1 429 No\r\nRetry-After: 7\r\nRetry-After: 9\r\n\r\n'),
    );
    const answer = await setup().call('submit', server.url);
    expect(refusal(answer)).toMatchObject({ name: 'Retryable', retryAfterMs: 7_000 });
  });

  test('after 103 Early Hints is the real one', async () => {
    const server = await serveRaw((socket) =>
      socket.end('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'),
    );
    expect((await setup().call('submit', server.url)).status).toBe(200);
  });
});

describe('a call that waits for the status only', () => {
  const ask = (http: HttpClient, url: string) =>
    http.request({ kind: 'safe-to-retry', method: 'POST', url, json: {}, answer: 'status' });

  test('has its answer before the body, and a body that does not end is cut off', async () => {
    const cutOff = createLatch();
    const server = await serve((_request, _req, res) => {
      res.writeHead(200, { 'x-one': '1' }).write('<');
      const drip = setInterval(() => res.write(' '), 20);
      res.on('close', () => {
        clearInterval(drip);
        cutOff.open();
      });
    });
    const answer = await ask(setup().http, server.url);
    expect(answer).toMatchObject({ status: 200, ok: true, headers: { 'x-one': '1' } });
    expect(answer.body).toHaveLength(0);
    await cutOff.opened;
  });

  test('has it when the body is too large, which is not read to its end', async () => {
    const cutOff = createLatch();
    const server = await serveRaw((socket) => {
      socket.on('close', cutOff.open);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n${'x'.repeat(1_001)}`);
    });
    expect(await ask(setup().http, server.url)).toMatchObject({ status: 200, ok: true });
    await cutOff.opened;
  });

  test.each([
    'Content-Length: 100\r\n\r\nand no more',
    'Transfer-Encoding: chunked\r\n\r\nnot a chunk',
    '\r\n',
  ])('has it when the body breaks off: %j', async (rest) => {
    const server = await serveRaw((socket) => socket.end(`HTTP/1.1 200 OK\r\n${rest}`));
    expect((await ask(setup().http, server.url)).status).toBe(200);
  });

  test('keeps the connection when the body is short', async () => {
    const server = await serve(always(200, 'thank you'));
    const { http } = setup();
    await ask(http, server.url);
    // undici frees a connection one turn of the event loop after the body's end.
    await until('the connection is free', async () => {
      const before = server.connections();
      await ask(http, server.url);
      return server.connections() === before;
    });
  });

  test('does not wait past the deadline for headers that come byte by byte', async () => {
    const server = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
      const drip = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    await expect(ask(setup({ timeoutMs: 200 }).http, server.url)).rejects.toMatchObject(again);
  });
});

describe('connections', () => {
  test('are reused by submissions in close succession', async () => {
    const server = await serve(always(200, {}));
    const { call } = setup();
    await call('submit', server.url);
    // undici frees a connection one turn of the event loop after the answer.
    await new Promise(setImmediate);
    await call('submit', server.url);
    expect(server.connections()).toBe(1);
  });

  test('that were idle for over a second are not reused by a submission', async () => {
    const server = await serve(always(200, {}));
    const { call } = setup();
    await call('submit', server.url);
    await call('safe-to-retry', server.url);
    expect(server.connections()).toBe(2);
    // The rule is about time itself, so this test has to let it pass.
    await new Promise((resolve) => setTimeout(resolve, 2_200));
    await call('submit', server.url);
    await call('safe-to-retry', server.url);
    expect(server.connections()).toBe(3);
  });
});

test('no message holds a path, a query string, a key or a body', async () => {
  const server = await serve(always(503, 'body-secret'));
  const reset = await serveRaw((socket) => socket.resetAndDestroy());
  const { http, call } = setup();
  const errors = [
    refusal(await call('submit', `${server.url}/path-secret?query-secret=1`)),
    await errorOf(call('submit', `${reset.url}/path-secret?query-secret=1`)),
    await errorOf(call('safe-to-retry', 'http://nobody.invalid/path-secret?query-secret=1')),
    await errorOf(call('safe-to-retry', 'not a url: query-secret')),
    await errorOf(
      http.request({
        kind: 'submit',
        method: 'POST',
        url: server.url,
        headers: { authorization: 'key-secret\n' },
      }),
    ),
  ];
  for (const error of errors) {
    expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(
      'secret',
    );
  }
});

const answered = (kind: CallKind, status: number, headers = {}) =>
  ({ kind, call: 'POST https://x', status, headers }) as HttpAnswer; // the parts that are read

describe('a status nobody documents', () => {
  test.each([
    [303, 'OutcomeUnknown', 'no_answer'],
    [307, 'Retryable', 'unavailable'],
    [400, 'Terminal', 'invalid_input'],
    [401, 'Retryable', 'unauthorized'],
    [402, 'Retryable', 'out_of_credit'],
    [403, 'Retryable', 'unauthorized'],
    [404, 'Terminal', 'provider_rejected'],
    [408, 'OutcomeUnknown', 'no_answer'],
    [409, 'OutcomeUnknown', 'no_answer'],
    [413, 'Terminal', 'invalid_input'],
    [418, 'Terminal', 'provider_rejected'],
    [422, 'Terminal', 'invalid_input'],
    [429, 'Retryable', 'rate_limited'],
    [500, 'OutcomeUnknown', 'no_answer'],
    [503, 'OutcomeUnknown', 'no_answer'],
    [504, 'OutcomeUnknown', 'no_answer'],
  ])('makes a submission, for %d, %s %s', (status, name, code) => {
    expect(refusal(answered('submit', status))).toMatchObject({ name, code });
  });

  test('never fails a generation because a read was refused', () => {
    for (const status of [307, 400, 401, 402, 403, 404, 410, 422, 429, 500, 503]) {
      expect(refusal(answered('safe-to-retry', status))).toMatchObject({ name: 'Retryable' });
    }
  });

  test('keeps a refused key from being tried more than once a minute', () => {
    for (const headers of [{}, { 'retry-after': '1' }]) {
      expect(refusal(answered('submit', 401, headers))).toMatchObject({ retryAfterMs: 60_000 });
    }
  });

  test('waits as long as Retry-After says, or the adapter, whichever is longer', () => {
    const answer = answered('safe-to-retry', 503, { 'retry-after': '7' });
    expect(refusal(answer)).toMatchObject({ retryAfterMs: 7_000 });
    expect(deferral(answer, 'rate_limited', 9_000)).toMatchObject({ retryAfterMs: 9_000 });
    expect(refusal(answered('submit', 429)).cause).toBeUndefined();
    expect(refusal(answered('submit', 429))).toMatchObject({ retryAfterMs: undefined });
  });

  test('is read from a real 429 with an HTTP date', async () => {
    const date = new Date(Date.now() + 90_000).toUTCString();
    const server = await serve(always(429, {}, { 'retry-after': date }));
    const error = refusal(await setup().call('submit', server.url));
    if (!('retryAfterMs' in error)) throw new Error('it should be Retryable');
    expect(error.retryAfterMs).toBeGreaterThan(85_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(90_000);
  });
});

test('a provider’s Retry-After is believed for a day at most', () => {
  const headers = { 'retry-after': '99999999999' };
  expect(refusal(answered('safe-to-retry', 503, headers))).toMatchObject({
    retryAfterMs: 86_400_000,
  });
});

test('Retry-After is seconds or an HTTP date, and never in the past', () => {
  const now = Date.parse('Fri, 20 Nov 2026 12:00:00 GMT');
  expect(retryAfterMs('5', now)).toBe(5_000);
  expect(retryAfterMs(' 1.5 ', now)).toBe(1_500);
  expect(retryAfterMs('Fri, 20 Nov 2026 12:01:00 GMT', now)).toBe(60_000);
  expect(retryAfterMs('Friday, 20-Nov-26 12:01:00 GMT', now)).toBe(60_000);
  expect(retryAfterMs('99999', now)).toBe(99_999_000);
  expect(retryAfterMs('Sun, 22 Nov 2026 12:00:00 GMT', now)).toBe(2 * 86_400_000);
  expect(retryAfterMs('9'.repeat(400), now)).toBe(Number.POSITIVE_INFINITY);
  const past = 'Fri, 20 Nov 2020 12:01:00 GMT';
  // Date.parse finds a year in each of these.
  const years = ['wait 3600', 'retry in 49', 'delta 32', 'Fri, 2050'];
  for (const nothing of [undefined, '', '0', '-5', 'soon', past, '5 s', ...years]) {
    expect(retryAfterMs(nothing, now)).toBeUndefined();
  }
});
