import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../rig/environment.ts';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { startRedisProxy } from '../http/redis-proxy.ts';
import { KEYS, namespaceIn, problemOf, REQUEST, redisUrl, SECRET } from '../http/setup.ts';
import { until } from '../support/until.ts';

type Program = 'http/main' | 'workers/main';
type Env = Readonly<Record<string, string>>;

const COMPLETE: Env = {
  NODE_ENV: 'production',
  CATWALK_SECRET: SECRET,
  API_KEYS: `shop:${KEYS.shop}`,
  FASHN_API_KEY: 'fa-key-of-fashn',
  PORT: '0',
};

/** A real process with exactly these settings. */
function run(program: Program, env: Env) {
  const file = fileURLToPath(new URL(`../../src/${program}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const output = { logged: [] as string[], said: [] as string[] };
  createInterface({ input: child.stdout }).on('line', (line) => output.logged.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => output.said.push(line));
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, ...output }));
  return { child, output, ended };
}

const PROGRAMS: Program[] = ['http/main', 'workers/main'];
const NO_REDIS = 'redis://127.0.0.1:1';

describe.each(PROGRAMS)('%s', (program) => {
  test('with missing and wrong settings ends with 1 and names each, without a stack trace', async () => {
    const { code, said, logged } = await run(program, { LOG_LEVEL: 'loud' }).ended;
    expect(code).toBe(1);
    expect(said[0]).toBe('Invalid settings:');
    for (const name of ['REDIS_URL', 'CATWALK_SECRET', 'LOG_LEVEL', 'FASHN_API_KEY']) {
      expect(
        said.filter((line) => line.includes(name)),
        name,
      ).toHaveLength(1);
    }
    expect(said.some((line) => line.includes('API_KEYS: '))).toBe(program === 'http/main');
    expect(said.join('\n')).not.toMatch(/^\s+at /m);
    expect(logged).toEqual([]);
  });

  test('does not run with a Redis that may evict jobs', async () => {
    const server = await startEmbeddedRedis();
    const redis = new Redis(server.url.replace(/^unix:\/\//, ''));
    onTestFinished(async () => {
      redis.disconnect();
      await server.stop();
    });
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const { code, said } = await run(program, { ...COMPLETE, REDIS_URL: server.url }).ended;
    expect(code).toBe(1);
    expect(said).toEqual([expect.stringContaining('maxmemory-policy allkeys-lru')]);
  });
});

test('a worker whose provider sends bytes does not start without a place for them', async () => {
  const FILES_DIR = fileURLToPath(import.meta.url);
  const env = { ...COMPLETE, REDIS_URL: NO_REDIS, FILES_DIR };
  const { code, said } = await run('workers/main', { ...env, SEGMIND_API_KEY: 'key' }).ended;
  expect(code).toBe(1);
  expect(said).toEqual([expect.stringMatching(/^FILES_DIR: .*processes\.test\.ts \(EEXIST\)/)]);
});

test('a worker that cannot reach Redis stays up and says so, works when it is there, and stops at any time', async () => {
  const proxy = await startRedisProxy({ reachable: false });
  onTestFinished(() => proxy.close());
  const namespace = `test-${process.pid}-${Date.now()}`;
  await namespaceIn(redisUrl(), namespace);
  const port = await freePort();
  const env = {
    ...COMPLETE,
    REDIS_URL: proxy.url,
    REDIS_NAMESPACE: namespace,
    WORKER_HEALTH_PORT: String(port),
  };
  const worker = run('workers/main', env);
  const says = (words: string) => () => worker.output.logged.some((line) => line.includes(words));
  await until('it says that it waits', says('waiting for Redis'));
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect(await status('/livez')).toBe(200);
  expect(await status('/readyz')).toBe(503);

  const waiting = run('workers/main', { ...env, WORKER_HEALTH_PORT: '0' });
  await until('another waits', () => waiting.output.logged.length > 0);
  waiting.child.kill('SIGTERM');
  expect(await waiting.ended).toMatchObject({ code: 0, said: [] });

  await proxy.mend();
  await until('it works', says('worker started'));
  expect(await status('/readyz')).toBe(200);
  worker.child.kill('SIGTERM');
  const { code, said, logged } = await worker.ended;
  expect({ code, said }).toEqual({ code: 0, said: [] });
  expect(logged.join('')).not.toContain(SECRET);
});

test('a web process that cannot reach Redis stays up, answers 503, and recovers without a restart', async () => {
  const proxy = await startRedisProxy({ reachable: false });
  onTestFinished(() => proxy.close());
  const namespace = `test-${process.pid}-${Date.now()}`;
  await namespaceIn(redisUrl(), namespace);
  const { child, output, ended } = run('http/main', {
    ...COMPLETE,
    REDIS_URL: proxy.url,
    REDIS_NAMESPACE: namespace,
  });
  const url = await vi.waitFor(
    () => {
      const line = output.logged.find((one) => one.includes('web process started'));
      return String((JSON.parse(line ?? '') as { url?: string }).url);
    },
    { timeout: 20_000, interval: 50 },
  );
  const ask = (): Promise<Response> =>
    fetch(`${url}/v1/generations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEYS.shop}`, 'content-type': 'application/json' },
      body: JSON.stringify(REQUEST),
    });

  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  const refused = await ask();
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await problemOf(refused)).code).toBe('temporarily_unavailable');

  await proxy.mend();
  await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), {
    timeout: 10_000,
    interval: 50,
  });
  expect((await ask()).status).toBe(202);

  child.kill('SIGTERM');
  const { code, logged, said } = await ended;
  expect(code).toBe(0);
  expect(said).toEqual([]);
  for (const secret of [SECRET, KEYS.shop]) expect(logged.join('')).not.toContain(secret);
});
