import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import express from 'express';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../src/config/log.ts';
import { boardLogin } from '../../src/http/credentials.ts';
import { errorResponse } from '../../src/http/error-response.ts';
import { createLoginThrottle } from '../../src/http/login-throttle.ts';
import { serveApp } from './serve-app.ts';
import { BOARD, basic, KEYS, problemOf, setup } from './setup.ts';

const MINUTE = 60_000;
const WRONG = basic(BOARD.user, 'not-the-password');
const encoded = Buffer.from(`${BOARD.user}:${BOARD.password}`).toString('base64');

/** The login before a page that says "in", behind one trusted proxy, with a clock of its own. */
async function doorAt(start = Date.now()) {
  const clock = { now: start };
  const lines: Record<string, unknown>[] = [];
  const log = createLogger('info', [BOARD.password], {
    write: (line) => lines.push(JSON.parse(line)),
  });
  const app = express();
  app.set('trust proxy', 1);
  app.use(boardLogin(BOARD, createLoginThrottle({ now: () => clock.now, log })));
  app.use((_request, response) => void response.send('in'));
  app.use(errorResponse(log));
  const port = await serveApp(app);
  const knock = (address: string, headers: Readonly<Record<string, string>> = WRONG) =>
    fetch(`http://127.0.0.1:${port}/`, { headers: { ...headers, 'x-forwarded-for': address } });
  return {
    clock,
    lines,
    port,
    knock,
    statusOf: async (...call: Parameters<typeof knock>) => (await knock(...call)).status,
  };
}

type Door = Awaited<ReturnType<typeof doorAt>>;

async function fail(door: Door, address: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++) expect(await door.statusOf(address)).toBe(401);
}

describe('a login is taken as it must be written, or not at all', () => {
  test.each([
    ['junk after the base64', `Basic ${encoded}%%%junk`],
    ['junk inside it', `Basic ${encoded.slice(0, 8)}!${encoded.slice(8)}`],
    ['a second word', `Basic ${encoded} ${encoded}`],
    ['a list', `Basic ${encoded}, Basic ${encoded}`],
    ['two spaces', `Basic  ${encoded}`],
    ['a tab', `Basic\t${encoded}`],
    ['no space', `Basic${encoded}`],
    ['more padding', `Basic ${encoded}====`],
    ['no base64', `Basic ${BOARD.user}:${BOARD.password}`],
    ['no separator', `Basic ${Buffer.from(BOARD.user + BOARD.password).toString('base64')}`],
    ['a zero byte after it', basic(BOARD.user, `${BOARD.password}\0`).authorization],
    ['a line feed after it', basic(BOARD.user, `${BOARD.password}\n`).authorization],
    ['only its beginning', basic(BOARD.user, BOARD.password.slice(0, -1)).authorization],
    ['another scheme', `Bearer ${encoded}`],
    ['nothing but the scheme', 'Basic'],
    ['nothing', ''],
  ])('refused is %s', async (_, authorization) => {
    const { call } = await setup();
    const response = await call('/admin/queues/', { headers: { authorization } });
    expect(await problemOf(response)).toMatchObject({ status: 401, code: 'unauthorized' });
  });

  test('base64 has its own alphabet and its padding', async () => {
    const password = 'ÿÿÿ>>>???ÿÿÿ1';
    const { call } = await setup({ BOARD_PASSWORD: password });
    const right = basic(BOARD.user, password).authorization;
    expect(right).toMatch(/[+/].*=$/);
    const statusOf = async (authorization: string) =>
      (await call('/admin/queues/', { headers: { authorization } })).status;
    expect(await statusOf(right.replace(/=+$/, ''))).toBe(401);
    expect(await statusOf(right.replaceAll('+', '-').replaceAll('/', '_'))).toBe(401);
    expect(await statusOf(right)).toBe(200);
  });

  test('the scheme is read in any case, and a password may hold colons and any letters', async () => {
    const { call } = await setup({ BOARD_PASSWORD: 'a:b:pässwörd✓' });
    const { authorization } = basic(BOARD.user, 'a:b:pässwörd✓');
    for (const header of [authorization, authorization.replace('Basic', 'bAsIc')]) {
      const response = await call('/admin/queues/', { headers: { authorization: header } });
      expect(response.status).toBe(200);
    }
  });

  test.each([
    ['/admin/queues/', `Basic ${encoded}`],
    ['/v1/providers', `Bearer ${KEYS.shop}`],
  ])('two logins in one request to %s are none, though both be right', async (path, login) => {
    const { url } = await setup();
    const statusWith = (logins: readonly string[]) =>
      new Promise((resolve, reject) => {
        const headers = ['host', new URL(url).host];
        for (const value of logins) headers.push('authorization', value);
        httpRequest(url + path, { headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await statusWith([login])).toBe(200);
    expect(await statusWith([login, login])).toBe(401);
    expect(await statusWith([login, 'Basic bm9ib2R5Om5vdGhpbmc='])).toBe(401);
  });

  test.each([
    `Bearer  ${KEYS.shop}`,
    `Bearer ${KEYS.shop},`,
    `Bearer ${KEYS.shop} x`,
    `Bearer\t${KEYS.shop}`,
  ])('an API key as "%s" is refused', async (authorization) => {
    const { call } = await setup();
    expect((await call('/v1/providers', { headers: { authorization } })).status).toBe(401);
  });
});

describe('guesses are throttled', () => {
  test('ten failures close an address for 15 minutes from the first, to the right password too', async () => {
    const door = await doorAt();
    await fail(door, '192.0.2.1', 1);
    door.clock.now += 5 * MINUTE;
    await fail(door, '192.0.2.1', 9);

    for (const headers of [WRONG, basic()]) {
      const response = await door.knock('192.0.2.1', headers);
      expect(response.status).toBe(429);
      expect(response.headers.get('retry-after')).toBe('600');
      expect(response.headers.has('www-authenticate')).toBe(false);
      const problem = await problemOf(response);
      expect(problem).toMatchObject({ code: 'too_many_logins' });
      expect(problem['detail']).toContain('Try again in 10 min');
    }
    expect(await door.statusOf('192.0.2.2', basic())).toBe(200);

    door.clock.now += 10 * MINUTE - 1;
    expect(await door.statusOf('192.0.2.1', basic())).toBe(429);
    door.clock.now += 1;
    expect(await door.statusOf('192.0.2.1', basic())).toBe(200);
  });

  test('the board of a whole web process is closed so, with a problem that says when to try again', async () => {
    const { call } = await setup();
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess++) {
      const headers = basic(BOARD.user, `guess-${guess}`);
      statuses.push((await call('/admin/queues/api/queues', { headers })).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    const response = await call('/admin/queues/', { headers: basic() });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(800);
    expect(await problemOf(response)).toMatchObject({ code: 'too_many_logins', status: 429 });
  });

  test('guesses sent all at once on one connection do not slip through before they are counted', async () => {
    const door = await doorAt();
    const head = `GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: `;
    const guess = `${head}${WRONG.authorization}\r\n\r\n`;
    const right = `${head}${basic().authorization}\r\nConnection: close\r\n\r\n`;
    const answers = await pipelined(door.port, guess.repeat(300) + right);
    expect(answers.filter((status) => status === 401)).toHaveLength(10);
    expect(answers.filter((status) => status === 429)).toHaveLength(291);
  });

  test('right logins are never held up by their number, and forgive no failure', async () => {
    const door = await doorAt();
    await fail(door, '192.0.2.1', 9);
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => door.statusOf('192.0.2.1', basic())),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
    await fail(door, '192.0.2.1', 1);
    expect(await door.statusOf('192.0.2.1', basic())).toBe(429);
  });

  test('a request without a login is asked for one, however often it comes, and is no failure', async () => {
    const door = await doorAt();
    for (let time = 0; time < 20; time++) expect(await door.statusOf('192.0.2.1', {})).toBe(401);
    expect(await door.statusOf('192.0.2.1', basic())).toBe(200);
    expect(door.lines).toEqual([]);
  });

  test('an IPv6 network of a customer is one address, and an IPv4 address in IPv6 is itself', async () => {
    const door = await doorAt();
    for (let host = 1; host <= 10; host++) await fail(door, `2001:db8:1:2::${host}`, 1);
    expect(await door.statusOf('2001:db8:1:2:ffff::1')).toBe(429);
    expect(await door.statusOf('2001:db8:1:3::1')).toBe(401);
    await fail(door, '::ffff:192.0.2.1', 10);
    expect(await door.statusOf('192.0.2.1')).toBe(429);
    expect(await door.statusOf('192.0.2.2')).toBe(401);
  });

  test('a hundred failures of strangers close the board to strangers, not to who was in lately', async () => {
    const door = await doorAt();
    expect(await door.statusOf('192.0.2.200', basic())).toBe(200);
    door.clock.now += 29 * 24 * 60 * MINUTE;
    for (let host = 0; host < 100; host++) await fail(door, `198.51.100.${host}`, 1);

    expect(await door.statusOf('198.51.100.101')).toBe(429);
    expect(await door.statusOf('198.51.100.102', basic())).toBe(429);
    expect(await door.statusOf('192.0.2.200', basic())).toBe(200);
    await fail(door, '192.0.2.200', 10);
    expect(await door.statusOf('192.0.2.200', basic())).toBe(429);

    door.clock.now += 15 * MINUTE;
    expect(await door.statusOf('198.51.100.102', basic())).toBe(200);
  });

  test('what one throttled address goes on guessing does not count against the others', async () => {
    const door = await doorAt();
    await fail(door, '198.51.100.1', 10);
    for (let time = 0; time < 120; time++) await door.knock('198.51.100.1');
    expect(await door.statusOf('198.51.100.2', basic())).toBe(200);
  });
});

describe('who is calling', () => {
  test('is the socket’s address unless a proxy is trusted: a header alone changes nothing', async () => {
    const { call, logged } = await setup();
    for (let guess = 0; guess < 11; guess++) {
      const headers = { ...WRONG, 'x-forwarded-for': `192.0.2.${guess}` };
      const { status } = await call('/admin/queues/', { headers });
      expect(status).toBe(guess < 10 ? 401 : 429);
    }
    const lines = logged.join('');
    expect(lines).toContain('"address":"127.0.0.1"');
    expect(lines).toContain('set TRUST_PROXY');
    expect(lines).not.toContain('192.0.2.');
  });

  test.each(['1', '127.0.0.0/8', 'loopback'])(
    'is what the proxy says with TRUST_PROXY=%s, and only its last word',
    async (TRUST_PROXY) => {
      const { call, logged } = await setup({ TRUST_PROXY });
      for (let guess = 0; guess < 11; guess++) {
        const headers = { ...WRONG, 'x-forwarded-for': `203.0.113.${guess}, 192.0.2.7` };
        const { status } = await call('/admin/queues/', { headers });
        expect(status).toBe(guess < 10 ? 401 : 429);
      }
      expect(logged.join('')).toContain('"address":"192.0.2.7"');
      expect(logged.join('')).not.toContain('203.0.113.');
    },
  );

  test('is the proxy where its header holds no address', async () => {
    const { call, logged } = await setup({ TRUST_PROXY: '1' });
    const headers = { ...WRONG, 'x-forwarded-for': '<script>' };
    expect((await call('/admin/queues/', { headers })).status).toBe(401);
    expect(logged.join('')).toContain('"address":"127.0.0.1"');
  });
});

describe('the log', () => {
  afterEach(() => vi.useRealTimers());

  test('has a warning for each failure: the address and how many, nothing of what was sent', async () => {
    const { call, logged } = await setup();
    for (const password of ['first-guess', 'second-guess']) {
      await call('/admin/queues/', { headers: basic('somebody', password) });
    }
    const lines = logged.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
    expect(lines).toMatchObject([
      { msg: 'board login failed', address: '127.0.0.1', failures: 1, failuresOfStrangers: 1 },
      { msg: 'board login failed', address: '127.0.0.1', failures: 2, failuresOfStrangers: 2 },
    ]);
    expect(logged.join('')).not.toMatch(/guess|somebody/);
  });

  test('has one line at once when guesses are refused, and then one a minute with all of them', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const door = await doorAt();
    await fail(door, '192.0.2.1', 10);
    const refusals = () => door.lines.filter(({ msg }) => msg === 'board logins refused unchecked');

    for (let guess = 0; guess < 50; guess++) await door.knock('192.0.2.1');
    expect(refusals()).toMatchObject([{ level: 40, refused: 1, addresses: 1 }]);
    vi.advanceTimersByTime(MINUTE);
    expect(refusals().slice(1)).toMatchObject([{ refused: 49, addresses: 1 }]);

    await door.knock('192.0.2.1');
    vi.advanceTimersByTime(MINUTE);
    expect(refusals().slice(2)).toMatchObject([{ refused: 1 }]);
    vi.advanceTimersByTime(10 * MINUTE);
    expect(refusals()).toHaveLength(3);
    await door.knock('192.0.2.1');
    expect(refusals()).toHaveLength(4);
    expect(door.lines).toHaveLength(10 + 4);
  });
});

/** The statuses of all answers on one connection, which the last request closes. */
function pipelined(port: number, requests: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    let answers = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(requests));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      answers += String(chunk);
    });
    socket.on('end', () =>
      resolve([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))),
    );
  });
}
