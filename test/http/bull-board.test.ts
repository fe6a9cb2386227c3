import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BOARD, basic, problemOf, setup, type World } from './setup.ts';

const QUEUES = [
  'submit-fitinview',
  'poll-fitinview',
  'submit-fashn',
  'poll-fashn',
  'completions',
  'subscriber-callback',
  'subscriber-callback-slow',
];

/** A completion whose every part holds what the board must not show. */
async function withSecretJobs({ queue }: Pick<World, 'queue'>) {
  const url = 'HTTPS://user:pa55@w0rd@cdn.example.com/private/result.png?signature=s3cr3t';
  const results = [{ kind: 'file', url }];
  const item = {
    id: 'gen_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    event: {
      type: 'observed-final',
      source: 'webhook',
      outcome: { verdict: 'completed', results },
    },
  };
  const completions = queue('completions');
  const job = await completions.add('completions', { v: 1, items: [item] });
  await job.log(`fetched ${url}`);
  await job.updateProgress({ url });
  const callbackUrl = 'https://shop.example.com/hooks/s3cr3t';
  await queue('subscriber-callback').add('generation.completed', { v: 1, callbackUrl });
  return { completions, job, hidden: ['s3cr3t', 'private/result', 'pa55', 'w0rd', '/hooks'] };
}

describe('the login', () => {
  test.each([
    ['no login', {}],
    ['a wrong password', basic(BOARD.user, 'wrong-password')],
    ['a wrong user', basic('nobody', BOARD.password)],
    ['an API key', { authorization: 'Bearer key-of-the-shop-0001' }],
    ['half a login', { authorization: 'Basic b3BlcmF0b3I=' }],
  ] as [string, Record<string, string>][])(
    '%s is refused with 401 everywhere',
    async (_, headers) => {
      const { call } = await setup();
      for (const path of ['', '/', '/api/queues', '/static/js/main.js', '/queue/completions']) {
        const response = await call(`/admin/queues${path}`, { headers });
        expect(response.status, path).toBe(401);
        expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
        expect((await problemOf(response)).code).toBe('unauthorized');
      }
    },
  );

  test('lets the page, its scripts and styles, and every queue be read', async () => {
    const { call } = await setup();
    const page = await call('/admin/queues/', { headers: basic() });
    expect(page.status).toBe(200);
    const html = await page.text();
    const assets = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map((match) => match[1]);
    expect(assets.length).toBeGreaterThan(2);
    for (const asset of assets) {
      const response = await call(`/admin/queues/${asset}`, { headers: basic() });
      expect(response.status, asset).toBe(200);
    }
    const queues = await (await call('/admin/queues/api/queues', { headers: basic() })).text();
    for (const name of QUEUES) expect(queues).toContain(`"name":"${name}"`);
  });

  test('without a password there is no board', async () => {
    const { call } = await setup({ BOARD_PASSWORD: '' });
    expect((await call('/admin/queues', { headers: basic(BOARD.user, '') })).status).toBe(404);
  });
});

test('security headers are on every kind of answer, and what serves them is not said', async () => {
  const { call } = await setup();
  for (const path of [
    '/livez',
    '/v1/generations/x',
    '/nothing',
    '/admin/queues/',
    '/admin/queues/api/queues',
  ]) {
    const { headers } = await call(path, { headers: basic() });
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('content-security-policy'), path).toContain("default-src 'self'");
    expect(headers.get('x-frame-options'), path).toBe('SAMEORIGIN');
    expect(headers.has('x-powered-by'), path).toBe(false);
  }
});

test('a subscriber that registers later gets its queue shown', async () => {
  const { call, redis, keys } = await setup();
  await redis.sadd(keys.subscribers, 'orders');
  const queues = await (await call('/admin/queues/api/queues', { headers: basic() })).text();
  expect(queues).toContain('subscriber-orders');
});

test('links and logins in jobs are in no answer of the board, but their hosts are', async () => {
  const world = await setup();
  const { job, hidden } = await withSecretJobs(world);
  const api = '/admin/queues/api/queues';
  const answers = await Promise.all(
    [
      `${api}?activeQueue=completions&status=latest&page=1&jobsPerPage=10`,
      `${api}?activeQueue=subscriber-callback&status=waiting&page=1&jobsPerPage=10`,
      `${api}/completions/${job.id}`,
      `${api}/completions/${job.id}/logs`,
    ].map(async (path) => (await world.call(path, { headers: basic() })).text()),
  );
  for (const answer of answers) for (const text of hidden) expect(answer).not.toContain(text);
  expect(answers[0]).toContain('cdn.example.com');
  expect(answers[1]).toContain('shop.example.com');
  expect(answers[2]).toContain('observed-final');
});

test('no spelling of a link is in an answer, nor in a key, a job’s logs or the reason of a failure', async () => {
  const { call, queue, web } = await setup();
  const links = [
    'https%3A%2F%2Fcdn.example.com%2Fs3cr3t',
    'https:\\/\\/cdn.example.com\\/s3cr3t',
    '//cdn.example.com/s3cr3t',
    'redis://default:s3cr3t@cdn.example.com:6379',
    '{"url":"s3://cdn.example.com/s3cr3t"}',
    'Authorization: Bearer s3cr3t of cdn.example.com',
    'https://cdn.example.com/https://x/s3cr3t',
  ];
  const completions = queue('completions');
  const keys = Object.fromEntries(links.map((link) => [link, { [link]: [link] }]));
  const job = await completions.add('completions', { v: 1, links, keys }, { attempts: 1 });
  for (const link of links) await job.log(`fetched ${link}`);
  await job.updateProgress({ links, keys });
  const jobKey = completions.toKey(String(job.id));
  await web.redis.hset(jobKey, 'failedReason', `no ${links.join(' ')}`);
  await web.redis.hset(jobKey, 'stacktrace', JSON.stringify(links.map((link) => `Error: ${link}`)));
  await web.redis.hset(jobKey, 'returnvalue', JSON.stringify({ links, keys }));

  const api = '/admin/queues/api/queues';
  for (const path of [
    `${api}?activeQueue=completions&status=waiting&page=1&jobsPerPage=10`,
    `${api}/completions/${job.id}`,
    `${api}/completions/${job.id}/logs`,
  ]) {
    const answer = await (await call(path, { headers: basic() })).text();
    expect(answer, path).not.toContain('s3cr3t');
    expect(answer.split('cdn.example.com').length, path).toBeGreaterThan(links.length);
  }
});

test('a job nested as deep as an attacker likes is shown, cut', async () => {
  const { call, queue, web } = await setup();
  const completions = queue('completions');
  const job = await completions.add('completions', { v: 1 });
  const depth = 50_000;
  const deep = `{"v":1,"deep":${'['.repeat(depth)}"https://x/s3cr3t"${']'.repeat(depth)}}`;
  await web.redis.hset(completions.toKey(String(job.id)), 'data', deep);
  const answer = await call(`/admin/queues/api/queues/completions/${job.id}`, { headers: basic() });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toMatch(/\[\["…"\]\]/);
});

describe('writing', () => {
  const write = ({ call }: World, path: string, headers: object, method = 'PUT') =>
    call(`/admin/queues/api/queues/${path}`, {
      method,
      headers: { ...basic(), 'content-type': 'application/json', ...headers },
      body: '{}',
    });

  test('is refused by default, from the board itself too', async () => {
    const world = await setup();
    const { completions, job } = await withSecretJobs(world);
    const before = await world.contents();
    for (const path of [
      `completions/${job.id}/clean`,
      `completions/${job.id}/retry`,
      'completions/pause',
      'completions/empty',
      'completions/obliterate',
      'completions/clean/waiting',
    ]) {
      const { status } = await write(world, path, { origin: world.url });
      expect(status, path).toBeGreaterThanOrEqual(400);
      expect(status, path).toBeLessThan(500);
    }
    expect(await world.contents()).toEqual(before);
    expect(await completions.isPaused()).toBe(false);
  });

  test('where it is allowed, is taken from the board itself and from nowhere else', async () => {
    const world = await setup({ BOARD_WRITABLE: 'true' });
    const { completions, job } = await withSecretJobs(world);
    const path = `completions/${job.id}/clean`;
    for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'null' }]) {
      const response = await write(world, path, headers);
      expect(await problemOf(response)).toMatchObject({ status: 403, code: 'cross_origin' });
    }
    expect(await completions.getWaitingCount()).toBe(1);
    expect((await write(world, path, { origin: world.url })).status).toBeLessThan(300);
    expect(await completions.getWaitingCount()).toBe(0);
  });

  test('never writes a job’s data: what the board shows of it is not what it holds', async () => {
    const world = await setup({ BOARD_WRITABLE: 'true' });
    const { job } = await withSecretJobs(world);
    const before = await world.contents();
    const origin = { origin: world.url };
    for (const response of [
      await write(world, `completions/${job.id}/update-data`, origin, 'PATCH'),
      await write(world, 'completions/add', origin, 'POST'),
      await write(world, 'completions/Add/', origin, 'POST'),
    ]) {
      expect(await problemOf(response)).toMatchObject({ status: 403, code: 'not_offered' });
    }
    expect(await world.contents()).toEqual(before);
  });
});

const browserPath = findBrowser();

test.skipIf(browserPath === undefined)(
  `a browser shows the queues, without an error and without asking anyone else${browserPath ? '' : ' (skipped: there is no chromium on the PATH)'}`,
  async () => {
    const world = await setup();
    const { job } = await withSecretJobs(world);
    const browser = await chromium.launch({
      executablePath: browserPath ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    onTestFinished(() => browser.close());
    const page = await browser.newPage({
      httpCredentials: { username: BOARD.user, password: BOARD.password },
      viewport: { width: 1400, height: 900 },
    });
    const errors: string[] = [];
    const hosts = new Set<string>();
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('request', (request) => hosts.add(new URL(request.url()).host));

    await page.goto(`${world.url}/admin/queues`);
    for (const name of QUEUES) await page.getByText(name).first().waitFor();
    await screenshot('queues');
    await page.goto(`${world.url}/admin/queues/queue/completions/${job.id}`);
    await page.getByText('jobData').first().waitFor();
    await screenshot('job');
    expect(await page.content()).not.toContain('s3cr3t');
    // The board polls for as long as it is open, and is never taken for somebody who guesses.
    const polled = await page.evaluate(async () => {
      const poll = async () => (await fetch('/admin/queues/api/queues')).status;
      return await Promise.all(Array.from({ length: 150 }, poll));
    });
    expect(new Set(polled)).toEqual(new Set([200]));
    expect(errors).toEqual([]);
    expect([...hosts]).toEqual([new URL(world.url).host]);

    async function screenshot(name: string): Promise<void> {
      // `SCREENSHOTS=<folder>` keeps the pictures, to be looked at.
      const folder = process.env['SCREENSHOTS'] ?? (await temporaryFolder());
      const path = join(folder, `board-${name}.png`);
      await page.screenshot({ path });
      expect((await stat(path)).size).toBeGreaterThan(10_000);
    }
  },
  60_000,
);

function findBrowser(): string | undefined {
  try {
    return execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  } catch {
    return existsSync('/usr/bin/chromium') ? '/usr/bin/chromium' : undefined;
  }
}
