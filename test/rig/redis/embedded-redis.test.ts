import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../../rig/ports.ts';
import {
  type EmbeddedRedis,
  type EmbeddedRedisOptions,
  startEmbeddedRedis,
} from '../../../rig/redis/embedded-redis.ts';
import { startProgram } from '../../support/programs.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'catwalk-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return join(path, 'data');
}

async function start(options: EmbeddedRedisOptions = {}): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis(options);
  onTestFinished(() => redis.stop());
  return redis;
}

function client(redis: { url: string }): Redis {
  const connection = new Redis({ path: socketPath(redis), maxRetriesPerRequest: 1 });
  connection.on('error', () => {});
  onTestFinished(() => connection.disconnect());
  return connection;
}

function socketPath({ url }: { url: string }): string {
  return new URL(url).pathname;
}

/** A parent process of its own that has started an embedded Redis. */
async function parent(then: 'wait' | 'end', ...dataDir: string[]) {
  const child = startProgram('test/rig/fixtures/starts-redis', { args: [then, ...dataDir] });
  const [line] = await child.line(/^\{.*\}$/);
  return { child, redis: JSON.parse(line) as EmbeddedRedis };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function processGroup(pid: number): string {
  return execFileSync('ps', ['-o', 'pgid=', '-p', `${pid}`], { encoding: 'utf8' }).trim();
}

async function expectGone({ pid, url }: EmbeddedRedis): Promise<void> {
  const runtime = dirname(socketPath({ url }));
  await vi.waitFor(
    () =>
      expect({ runs: isRunning(pid), left: existsSync(runtime) }).toEqual({
        runs: false,
        left: false,
      }),
    { timeout: 10_000, interval: 20 },
  );
}

test('a started Redis answers, and after stop it and its temporary folder are gone', async () => {
  const redis = await start();
  expect(await client(redis).ping()).toBe('PONG');
  expect(isRunning(redis.pid)).toBe(true);
  await redis.stop();
  expect(isRunning(redis.pid)).toBe(false);
  expect(existsSync(dirname(socketPath(redis)))).toBe(false);
});

test('stopping twice is stopping once', async () => {
  const redis = await start();
  await Promise.all([redis.stop(), redis.stop()]);
  await redis.stop();
});

test('the settings the pipeline relies on are really set', async () => {
  const redis = await start();
  const reply = await client(redis).config(
    'GET',
    'port',
    'appendonly',
    'appendfsync',
    'maxmemory',
    'maxmemory-policy',
    'hz',
    'dynamic-hz',
    'save',
    'hash-max-listpack-value',
    'dir',
  );
  const pairs = reply as string[];
  const settings = new Map(pairs.flatMap((name, i) => (i % 2 ? [] : [[name, pairs[i + 1]]])));
  expect(Object.fromEntries(settings)).toEqual({
    port: '0',
    appendonly: 'yes',
    appendfsync: 'everysec',
    maxmemory: String(1024 ** 3),
    'maxmemory-policy': 'noeviction',
    hz: '100',
    'dynamic-hz': 'no',
    save: '',
    'hash-max-listpack-value': '1024',
    dir: redis.dataDir,
  });
});

test('data survives a stop and a start with the same folder', async () => {
  const dataDir = await folder();
  const first = await start({ dataDir });
  await client(first).set('kept', 'yes');
  await first.stop();
  const second = await start({ dataDir });
  expect(second.dataDir).toBe(dataDir);
  expect(await client(second).get('kept')).toBe('yes');
});

test('of several that ask for one folder at once each gets its own', async () => {
  const dataDir = await folder();
  const servers = await Promise.all([1, 2, 3].map(() => start({ dataDir })));
  const folders = servers.map((redis) => redis.dataDir).sort();
  expect(folders).toEqual([dataDir, `${dataDir}-2`, `${dataDir}-3`]);
});

test('processes that take over a dead owner at once never share its folder', async () => {
  const dataDir = await folder();
  const dead = await start({ dataDir });
  await dead.stop();
  const servers = await Promise.all([1, 2, 3, 4].map(() => start({ dataDir })));
  expect(new Set(servers.map((redis) => redis.dataDir)).size).toBe(4);
  expect(servers.map((redis) => redis.dataDir)).toContain(dataDir);
});

test('an owner whose pid now belongs to another process is dead', async () => {
  const dataDir = await folder();
  const first = await start({ dataDir });
  await first.stop();
  const [name] = (await readdir(dataDir)).filter((entry) => entry.startsWith('owner.'));
  const reused = { pid: process.pid, started: 'long ago' };
  await writeFile(join(dataDir, `${name}`), JSON.stringify({ holder: reused, parent: reused }));
  expect((await start({ dataDir })).dataDir).toBe(dataDir);
});

test('a parent killed with SIGKILL takes its Redis and the temporary folder with it', async () => {
  const { child, redis } = await parent('wait');
  expect(await client(redis).ping()).toBe('PONG');
  await child.kill();
  await expectGone(redis);
});

test('the next start after a SIGKILL gets the same folder and the data in it', async () => {
  const dataDir = await folder();
  const { child, redis } = await parent('wait', dataDir);
  await client(redis).set('kept', 'yes');
  await child.kill();
  const next = await start({ dataDir });
  expect(next.dataDir).toBe(dataDir);
  expect(await client(next).get('kept')).toBe('yes');
  await expectGone(redis);
});

test('a parent that ends without stopping it is not kept alive and leaves no Redis', async () => {
  const { child, redis } = await parent('end');
  expect(await child.ended).toBe(0);
  await expectGone(redis);
});

test('a Ctrl-C in the terminal of the parent does not reach Redis', async () => {
  const redis = await start();
  // A terminal signals one process group.
  expect(processGroup(redis.pid)).not.toBe(processGroup(process.pid));
});

test('a Redis that ends by itself is reported with what it logged last', async () => {
  const lines: string[] = [];
  const redis = await start({ log: (line) => lines.push(line) });
  process.kill(redis.pid, 'SIGTERM');
  await vi.waitFor(() => expect(lines.join('\n')).toMatch(/ended by itself[\s\S]*exit/));
});

test('one on a port is killed without a word, and comes back there with what it had', async () => {
  const dataDir = await folder();
  const port = await freePort();
  const settings = { appendfsync: 'always' };
  const lines: string[] = [];
  const options = { dataDir, port, settings, log: (line: string) => lines.push(line) };
  const first = await start(options);
  const redis = new Redis(first.url, { retryStrategy: () => 20 }).on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  await redis.set('kept', 'yes');
  await first.kill();
  expect(isRunning(first.pid)).toBe(false);
  const second = await start(options);
  expect(second).toMatchObject({ url: `redis://127.0.0.1:${port}`, dataDir });
  expect(await redis.get('kept')).toBe('yes');
  expect(lines).toEqual([]);
});

test('a server that cannot start fails with its own last lines', async () => {
  const dataDir = await folder();
  const path = join(dirname(dataDir), 'redis-server');
  await writeFile(path, '#!/bin/sh\necho "the disk is made of cheese" >&2\nexit 1\n');
  await chmod(path, 0o755);
  const broken = {
    findServer: async () => ({ path, major: 7, minor: 0 }),
    describeSystem: () => Promise.reject(new Error('not asked')),
    installDebianPackage: () => Promise.reject(new Error('not asked')),
  };
  await expect(startEmbeddedRedis({}, broken)).rejects.toMatchObject({
    code: 'did_not_start',
    message: expect.stringContaining('the disk is made of cheese'),
  });
});
