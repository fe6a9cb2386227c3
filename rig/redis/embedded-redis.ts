import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { claimDataFolder } from './data-folder.ts';
import { EmbeddedRedisError } from './embedded-redis-error.ts';
import type { RedisServer } from './find-redis.ts';
import { ensureRedisServer, type Host, thisHost } from './install-redis.ts';
import { configuration, type RedisAddress } from './redis-configuration.ts';
import { RedisSupervisor } from './redis-supervisor.ts';

export type EmbeddedRedisOptions = {
  /** Where data is kept from one run to the next; left out, it is thrown away on stop. */
  dataDir?: string | undefined;
  /** A port of loopback to listen on, instead of a socket whose path is new each time. */
  port?: number | undefined;
  /** The file that the server logs to; left out, `redis.log` beside its data. */
  logFile?: string | undefined;
  /** Settings that differ from those below, by the names that redis.conf has for them. */
  settings?: Readonly<Record<string, string>> | undefined;
  /** Told what a person should know, one line at a time. Standard error unless given. */
  log?: ((line: string) => void) | undefined;
};

/** A private Redis server that lives no longer than this process. */
export type EmbeddedRedis = {
  /** `unix://` and the absolute path of the socket, which ioredis wants alone; or `redis://`. */
  url: string;
  /** The folder in use: the one asked for, or the next free one beside it. */
  dataDir: string;
  /** The server's own process. */
  pid: number;
  /** Resolves when the server has ended, for whatever reason. */
  ended: Promise<void>;
  /** Ends the server once it has written everything down. A second call gets the same promise. */
  stop(): Promise<void>;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
};

/** Long enough to load what a run of chaos has written. */
const startDeadlineMs = 15_000;

/**
 * Starts a private, real Redis server on a unix socket, or on a port, and returns once it answers. It ends with
 * this process even when that is killed, and does not keep it alive. Every call starts another
 * server; calls that name the same `dataDir` at once get different folders. Installs Debian's
 * package where it may, see `ensureRedisServer`. Throws `EmbeddedRedisError`.
 */
export async function startEmbeddedRedis(
  options: EmbeddedRedisOptions = {},
  host: Host = thisHost,
): Promise<EmbeddedRedis> {
  const { log = writeToStderr, port } = options;
  const server = await ensureRedisServer(log, host);
  const runtime = await mkdtemp(join(socketBase(), 'catwalk-redis-'));
  const supervisor = await RedisSupervisor.start(server.path, runtime);
  try {
    const folder = await chooseFolder(options.dataDir, runtime, supervisor.pid);
    const address = port === undefined ? { path: join(runtime, 'redis.sock') } : { port };
    const settings = configuration(server, address, folder, options.settings);
    await writeFile(join(runtime, 'redis.conf'), settings);
    supervisor.startRedis(options.logFile ?? join(folder, 'redis.log'));
    await untilItAnswers(address, supervisor);
    const pid = Number(await readFile(join(runtime, 'redis.pid'), 'utf8'));
    supervisor.release();
    const ended = supervisor.ended.then(() => undefined);
    const url = 'path' in address ? `unix://${address.path}` : `redis://127.0.0.1:${address.port}`;
    return { url, dataDir: folder, pid, ended, ...endOnce(supervisor, pid, log) };
  } catch (error) {
    const lastWords = await supervisor.stop();
    await rm(runtime, { recursive: true, force: true });
    if (error instanceof EmbeddedRedisError) throw error;
    throw didNotStart(server, lastWords, error);
  }
}

async function chooseFolder(
  dataDir: string | undefined,
  runtime: string,
  supervisorPid: number,
): Promise<string> {
  if (dataDir !== undefined) return await claimDataFolder(resolve(dataDir), supervisorPid);
  const throwAway = join(runtime, 'data');
  await mkdir(throwAway, { mode: 0o700 });
  return throwAway;
}

/** The two ways to end it; the first that is called counts. */
function endOnce(
  supervisor: RedisSupervisor,
  pid: number,
  log: (line: string) => void,
): Pick<EmbeddedRedis, 'stop' | 'kill'> {
  let ending: Promise<void> | undefined;
  void supervisor.ended.then((lastWords) => {
    if (ending === undefined) log(`The embedded Redis ended by itself.\n${lastWords}`);
  });
  const stop = (): Promise<void> => {
    ending ??= supervisor.stop().then(() => undefined);
    return ending;
  };
  return {
    stop,
    kill: () => {
      if (ending === undefined && !supervisor.hasEnded) process.kill(pid, 'SIGKILL');
      return stop();
    },
  };
}

/** The system's temporary folder, unless its name is too long or too odd for a socket's URL. */
function socketBase(): string {
  const base = tmpdir();
  // A socket's path may have 103 bytes on macOS, and ours adds 31.
  return base.length <= 70 && /^[\w./-]+$/.test(base) ? base : '/tmp';
}

/** Returns when PING is answered; throws when Redis ends first or the deadline passes. */
async function untilItAnswers(address: RedisAddress, supervisor: RedisSupervisor): Promise<void> {
  const deadline = Date.now() + startDeadlineMs;
  while (!(await answersPing(address))) {
    if (supervisor.hasEnded) throw new Error('it ended by itself');
    if (Date.now() > deadline) throw new Error(`no answer within ${startDeadlineMs / 1000} s`);
    await pause(10);
  }
}

function answersPing(address: RedisAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const to = 'path' in address ? address : { ...address, host: '127.0.0.1' };
    const socket = connect(to, () => socket.write('PING\r\n'));
    const settle = (answered: boolean) => {
      resolve(answered);
      socket.destroy();
    };
    // While it loads its data Redis answers -LOADING.
    socket.once('data', (reply) => settle(reply.toString().startsWith('+PONG')));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
    socket.setTimeout(1_000, () => settle(false));
  });
}

function didNotStart(server: RedisServer, lastWords: string, cause: unknown): EmbeddedRedisError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EmbeddedRedisError(
    'did_not_start',
    `${server.path} did not start: ${reason}. It logged last:\n${lastWords || '(nothing)'}\n` +
      'Put right what it complains about, or set REDIS_URL to a Redis that is already running.',
    { cause },
  );
}

function writeToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
