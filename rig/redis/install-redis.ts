import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { EmbeddedRedisError } from './embedded-redis-error.ts';
import { findRedisServer, type RedisServer } from './find-redis.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/** What decides how Redis gets onto this machine. `families` are `ID` and `ID_LIKE` of os-release. */
export type System = { platform: NodeJS.Platform; families: string[]; isRoot: boolean };

/** What is asked of the machine; tests put their own in its place. */
export type Host = {
  findServer(): Promise<RedisServer | undefined>;
  describeSystem(): Promise<System>;
  installDebianPackage(): Promise<void>;
};

export const thisHost: Host = {
  findServer: () => findRedisServer(),
  describeSystem,
  installDebianPackage,
};

const aptWaitMs = 5 * 60_000;

/**
 * The server program to run. When the machine has none: on Debian or Ubuntu as root Debian's
 * package is installed, announced in one line through `log`; anywhere else throws `not_installed`
 * with the command that installs it. Throws `install_failed` when apt-get could not.
 */
export async function ensureRedisServer(
  log: (line: string) => void,
  host: Host = thisHost,
): Promise<RedisServer> {
  const present = await host.findServer();
  if (present !== undefined) return present;
  const system = await host.describeSystem();
  if (!(isDebian(system) && system.isRoot)) {
    throw new EmbeddedRedisError(
      'not_installed',
      `No redis-server or valkey-server was found. ${howToInstall(system)}`,
    );
  }
  log('No redis-server found: installing the redis-server package with apt-get, as no service.');
  await host.installDebianPackage();
  const installed = await host.findServer();
  if (installed !== undefined) return installed;
  throw new EmbeddedRedisError(
    'install_failed',
    'apt-get installed redis-server, yet no such program was found. Set REDIS_URL to a running Redis.',
  );
}

/** One sentence or two that name the command which installs Redis on this system. */
function howToInstall(system: System): string {
  if (system.platform === 'win32') {
    return 'On Windows run Catwalk inside WSL, or set REDIS_URL to a Redis that is already running.';
  }
  const command = installCommand(system);
  return command === undefined
    ? "Install Redis 6.2 or newer with this system's package manager, or set REDIS_URL."
    : `Install it with \`${command}\`, or set REDIS_URL to a Redis that is already running.`;
}

/** Fedora, RHEL and Arch have been moving from the package redis to valkey, which serves as well. */
function installCommand(system: System): string | undefined {
  if (system.platform === 'darwin') return 'brew install redis';
  if (system.platform !== 'linux') return undefined;
  const asRoot = system.isRoot ? '' : 'sudo ';
  const is = (...names: string[]) => names.some((name) => system.families.includes(name));
  if (isDebian(system)) return `${asRoot}apt-get install -y redis-server`;
  if (is('fedora', 'rhel', 'centos')) {
    return `${asRoot}dnf install -y valkey || ${asRoot}dnf install -y redis`;
  }
  if (is('alpine')) return `${asRoot}apk add redis`;
  if (is('arch')) return `${asRoot}pacman -S --noconfirm valkey`;
  if (is('suse', 'opensuse')) return `${asRoot}zypper install -y redis`;
  return undefined;
}

function isDebian({ platform, families }: System): boolean {
  return platform === 'linux' && (families.includes('debian') || families.includes('ubuntu'));
}

async function describeSystem(): Promise<System> {
  const osRelease = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return {
    platform: process.platform,
    families: parseFamilies(osRelease),
    isRoot: process.getuid?.() === 0,
  };
}

/** `ID` and `ID_LIKE` of an os-release file, as plain words. */
export function parseFamilies(osRelease: string): string[] {
  const fields = osRelease.matchAll(/^ID(?:_LIKE)?=["']?([^"'\n]*)/gm);
  return [...fields].flatMap((field) => field[1]?.split(/\s+/) ?? []).filter((id) => id !== '');
}

/**
 * Installs Debian's package so that it neither starts nor enables its service. Waits for another
 * apt-get, up to five minutes. Throws `install_failed` with what apt-get said last.
 */
async function installDebianPackage(): Promise<void> {
  const deadline = Date.now() + aptWaitMs;
  await withServiceHeldBack(async () => {
    // The lists may be good enough although they could not be refreshed, so a failure here is not final.
    await aptGet(['update'], deadline);
    const install = await aptGet(
      [
        'install',
        '-y',
        '--no-install-recommends',
        '-o',
        'Dpkg::Options::=--force-confold',
        'redis-server',
      ],
      deadline,
    );
    if (install.exitCode === 0) return;
    throw new EmbeddedRedisError(
      'install_failed',
      `apt-get could not install redis-server:\n${lastLines(install.output, 8)}\n` +
        'Install it by hand with `apt-get update && apt-get install -y redis-server`, or set REDIS_URL.',
    );
  });
}

/** `DPkg::Lock::Timeout` covers dpkg's lock but not the one on the package lists, hence the loop. */
async function aptGet(args: string[], deadline: number): Promise<CommandResult> {
  for (;;) {
    const result = await runCommand(
      'apt-get',
      ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', ...args],
      // invoke-rc.d starts no service in runlevel 1.
      { timeoutMs: aptWaitMs, env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } },
    );
    const isLocked = /could not get lock|unable to lock/i.test(result.output);
    if (result.exitCode === 0 || !isLocked || Date.now() > deadline) return result;
    await pause(500);
  }
}

/**
 * Under systemd the package's script would start the service whatever the runlevel. A runtime mask
 * stops it and lives in /run, so that not even a crash here leaves it behind for good.
 */
async function withServiceHeldBack(install: () => Promise<void>): Promise<void> {
  const unit = 'redis-server.service';
  const hasSystemd = existsSync('/run/systemd/system');
  const run = (program: string, ...args: string[]) =>
    runCommand(program, args, { timeoutMs: 30_000 });
  if (hasSystemd) await run('systemctl', 'mask', '--runtime', unit);
  try {
    await install();
  } finally {
    if (hasSystemd) await run('systemctl', 'unmask', '--runtime', unit);
    await run('deb-systemd-helper', 'disable', unit);
    await run('update-rc.d', 'redis-server', 'disable');
  }
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
