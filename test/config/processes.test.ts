import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../rig/ports.ts';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { KEYS, namespaceIn, problemOf, REQUEST, redisUrl, SECRET } from '../http/setup.ts';
import { runProgram, startProgram } from '../support/programs.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const COMPLETE = {
  NODE_ENV: 'production',
  CATWALK_SECRET: SECRET,
  API_KEYS: `shop:${KEYS.shop}`,
  FASHN_API_KEY: 'fa-key-of-fashn',
  PORT: '0',
};

const PROGRAMS = ['src/http/main', 'src/workers/main'];
const NO_REDIS = 'redis://127.0.0.1:1';

describe.each(PROGRAMS)('%s', (program) => {
  test('with missing and wrong settings ends with 1 and names each, without a stack trace', async () => {
    const { code, said, complained } = await runProgram(program, { env: { LOG_LEVEL: 'loud' } });
    expect(code).toBe(1);
    expect(complained[0]).toBe('Invalid settings:');
    for (const name of ['REDIS_URL', 'CATWALK_SECRET', 'LOG_LEVEL', 'FASHN_API_KEY']) {
      expect(
        complained.filter((line) => line.includes(name)),
        name,
      ).toHaveLength(1);
    }
    expect(complained.some((line) => line.includes('API_KEYS: '))).toBe(
      program === 'src/http/main',
    );
    expect(complained.join('\n')).not.toMatch(/^\s+at /m);
    expect(said).toEqual([]);
  });

  test('does not run with a Redis that may evict jobs', async () => {
    const server = await startEmbeddedRedis();
    const redis = new Redis(server.url.replace(/^unix:\/\//, ''));
    onTestFinished(async () => {
      redis.disconnect();
      await server.stop();
    });
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const env = { ...COMPLETE, REDIS_URL: server.url };
    const { code, complained } = await runProgram(program, { env });
    expect(code).toBe(1);
    expect(complained).toEqual([expect.stringContaining('maxmemory-policy allkeys-lru')]);
  });
});

test.each(['FILES_DIR', 'VAULT_DIR'])(
  'a worker that needs a place for files does not start without it: %s',
  async (name) => {
    const folder = { FILES_DIR: await temporaryFolder(), [name]: fileURLToPath(import.meta.url) };
    const env = { ...COMPLETE, REDIS_URL: NO_REDIS, ...folder, SEGMIND_API_KEY: 'key' };
    const { code, complained } = await runProgram('src/workers/main', { env });
    expect(code).toBe(1);
    expect(complained).toEqual([
      expect.stringMatching(new RegExp(`^${name}: .*processes\\.test\\.ts \\(EEXIST\\)`)),
    ]);
  },
);

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
  const worker = startProgram('src/workers/main', { env });
  const says = (words: string) => () => worker.said.some((line) => line.includes(words));
  await until('it says that it waits', says('waiting for Redis'));
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect(await status('/livez')).toBe(200);
  expect(await status('/readyz')).toBe(503);

  const waiting = startProgram('src/workers/main', { env: { ...env, WORKER_HEALTH_PORT: '0' } });
  await until('another waits', () => waiting.said.length > 0);
  process.kill(waiting.pid, 'SIGTERM');
  expect(await waiting.finished).toMatchObject({ code: 0, complained: [] });

  await proxy.mend();
  await until('it works', says('worker started'));
  expect(await status('/readyz')).toBe(200);
  process.kill(worker.pid, 'SIGTERM');
  const { code, said, complained } = await worker.finished;
  expect({ code, complained }).toEqual({ code: 0, complained: [] });
  expect(said.join('')).not.toContain(SECRET);
});

test('a web process that cannot reach Redis stays up, answers 503, and recovers without a restart', async () => {
  const proxy = await startRedisProxy({ reachable: false });
  onTestFinished(() => proxy.close());
  const namespace = `test-${process.pid}-${Date.now()}`;
  await namespaceIn(redisUrl(), namespace);
  const web = startProgram('src/http/main', {
    env: { ...COMPLETE, REDIS_URL: proxy.url, REDIS_NAMESPACE: namespace },
  });
  const [, url] = await web.line(/"url":"(http:[^"]+)","msg":"web process started"/);
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

  await web.stop();
  const { code, said, complained } = await web.finished;
  expect(code).toBe(0);
  expect(complained).toEqual([]);
  for (const secret of [SECRET, KEYS.shop]) expect(said.join('')).not.toContain(secret);
});
