import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { EmbeddedRedisError } from './embedded-redis-error.ts';
import { runCommand } from './run-command.ts';

/** A server program that can run here, and its version. */
export type RedisServer = { path: string; major: number; minor: number };

const programs = ['redis-server', 'valkey-server'];

/** Where packages put servers that an ordinary user's PATH leaves out. */
const usualFolders = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/opt/homebrew/bin',
  '/opt/local/bin',
];

/** BullMQ's documentation recommends 6.2, and 6.2 brought commands that Catwalk uses. */
const oldest = { major: 6, minor: 2 };

/**
 * Looks for `redis-server`, then `valkey-server`, on the PATH and in the usual folders, and returns
 * the first that is new enough, or undefined when there is none at all. Starts nothing.
 * Throws `too_old` when everything found is older than 6.2.
 */
export async function findRedisServer(
  searchPath: string = process.env['PATH'] ?? '',
  otherFolders: string[] = usualFolders,
): Promise<RedisServer | undefined> {
  const folders = [...searchPath.split(delimiter).filter((f) => f !== ''), ...otherFolders];
  const paths = programs.flatMap((program) => folders.map((folder) => join(folder, program)));
  let tooOld: RedisServer | undefined;
  for (const path of new Set(paths)) {
    const server = await askVersion(path);
    if (server === undefined) continue;
    if (isNewEnough(server)) return server;
    tooOld ??= server;
  }
  if (tooOld === undefined) return undefined;
  throw new EmbeddedRedisError(
    'too_old',
    `${tooOld.path} is version ${tooOld.major}.${tooOld.minor}; Catwalk needs ${oldest.major}.${oldest.minor} or newer. ` +
      'Install a newer Redis, or set REDIS_URL to one that is already running.',
  );
}

/** Reads the version from what `redis-server --version` prints; undefined when it is something else. */
export function parseServerVersion(printed: string): { major: number; minor: number } | undefined {
  const match = /\bserver v=(\d+)\.(\d+)/i.exec(printed);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

async function askVersion(path: string): Promise<RedisServer | undefined> {
  try {
    await access(path, constants.X_OK);
  } catch {
    return undefined;
  }
  const { output } = await runCommand(path, ['--version'], { timeoutMs: 5_000 });
  const version = parseServerVersion(output);
  return version && { path, ...version };
}

function isNewEnough({ major, minor }: RedisServer): boolean {
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor);
}
