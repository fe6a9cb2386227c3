import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedRedis } from '../../../rig/redis/embedded-redis.ts';
import { findRedisServer, parseServerVersion } from '../../../rig/redis/find-redis.ts';
import {
  ensureRedisServer,
  type Host,
  parseFamilies,
  type System,
} from '../../../rig/redis/install-redis.ts';

const linux = { platform: 'linux', isRoot: false } as const;

/** A machine without Redis, on which installing the package does what `install` says. */
function hostWithout(system: System, install = async () => {}): Host {
  return {
    findServer: async () => undefined,
    describeSystem: async () => system,
    installDebianPackage: install,
  };
}

const systems: [name: string, system: System, names: string][] = [
  ['macOS', { ...linux, platform: 'darwin', families: [] }, '`brew install redis`'],
  ['Windows', { ...linux, platform: 'win32', families: [] }, 'WSL'],
  ['Fedora', { ...linux, families: ['fedora'] }, '`sudo dnf install -y valkey'],
  ['Alpine as root', { ...linux, families: ['alpine'], isRoot: true }, '`apk add redis`'],
  ['Arch', { ...linux, families: ['arch'] }, '`sudo pacman -S --noconfirm valkey`'],
  [
    'Debian, not root',
    { ...linux, families: ['debian'] },
    '`sudo apt-get install -y redis-server`',
  ],
  ['Ubuntu, not root', { ...linux, families: ['ubuntu', 'debian'] }, '`sudo apt-get install'],
  ['an unknown Linux', { ...linux, families: ['plan9'] }, 'package manager'],
];

test.each(systems)(
  'without Redis on %s the error says what to do',
  async (_name, system, names) => {
    await expect(startEmbeddedRedis({}, hostWithout(system))).rejects.toMatchObject({
      code: 'not_installed',
      message: expect.stringMatching(/REDIS_URL/),
    });
    await expect(startEmbeddedRedis({}, hostWithout(system))).rejects.toThrow(names);
  },
);

test('on Debian as root the package is installed, announced in one line', async () => {
  const lines: string[] = [];
  const server = { path: '/usr/bin/redis-server', major: 7, minor: 0 };
  let installed = false;
  const host: Host = {
    findServer: async () => (installed ? server : undefined),
    describeSystem: async () => ({ ...linux, families: ['debian'], isRoot: true }),
    installDebianPackage: async () => {
      installed = true;
    },
  };
  expect(await ensureRedisServer((line) => lines.push(line), host)).toEqual(server);
  expect(lines).toEqual([expect.stringContaining('apt-get')]);
});

test('an installation that brings no server is an error, not a loop', async () => {
  const host = hostWithout({ ...linux, families: ['debian'], isRoot: true });
  await expect(ensureRedisServer(() => {}, host)).rejects.toMatchObject({ code: 'install_failed' });
});

test('the versions that Redis and Valkey print are understood', () => {
  expect(parseServerVersion('Redis server v=7.0.15 sha=00000000:0')).toEqual({
    major: 7,
    minor: 0,
  });
  expect(parseServerVersion('Valkey server v=8.1.3 sha=00000000:0')).toEqual({
    major: 8,
    minor: 1,
  });
  expect(parseServerVersion('command not found')).toBeUndefined();
});

test('a server older than 6.2 is passed over, and named when there is no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const put = async (name: string, version: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\necho "Redis server v=${version} sha=0:0"\n`);
    await chmod(join(folder, name), 0o755);
  };
  await put('redis-server', '6.0.16');
  await expect(findRedisServer(folder, [])).rejects.toMatchObject({
    code: 'too_old',
    message: expect.stringContaining('version 6.0'),
  });
  await put('valkey-server', '6.2.0');
  expect(await findRedisServer(folder, [])).toMatchObject({ path: join(folder, 'valkey-server') });
});

test('a system is known by ID and ID_LIKE, quoted or not', () => {
  expect(parseFamilies('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n')).toEqual([
    'linuxmint',
    'ubuntu',
    'debian',
  ]);
});
