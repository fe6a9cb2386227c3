import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ensureRedisServer, thisHost } from './install-redis.ts';

/** A Redis that can be killed and comes back at the same address with what it had written down. */
export interface KillableRedis {
  readonly url: string;
  /** Where its append-only file is. */
  readonly data: string;
  /** kill -9. With power cuts it also loses what it had not forced to disk. */
  kill(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Ends Redis when our pipe closes, so also when we are killed. Outlives a Redis that was killed
 * alone, until the pipe closes. Its first line is the process id of Redis.
 */
const GUARD = '"$@" </dev/null >>"$REDIS_LOG" 2>&1 & echo $!; read -r end; kill -9 $!; wait';

const START_MS = 15_000;
/** `everysec` forces the file to disk once a second. */
const FORCED_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 50;

export async function createRedis(
  port: number,
  { folder, logs }: { folder: string; logs: string },
  options: { appendfsync: 'everysec' | 'always'; powerCuts: boolean },
): Promise<KillableRedis> {
  const server = await ensureRedisServer((line) => process.stderr.write(`${line}\n`), thisHost);
  const url = `redis://127.0.0.1:${port}`;
  const data = join(folder, 'redis');
  await mkdir(data, { recursive: true });
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', data, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', options.appendfsync],
    ...['--maxmemory-policy', 'noeviction', '--hz', '100'],
    // A rewritten file could not be cut back to what it was a second ago.
    ...(options.powerCuts ? ['--auto-aof-rewrite-percentage', '0'] : []),
  ];
  const losesUnforced = options.powerCuts && options.appendfsync === 'everysec';
  const sizes = losesUnforced ? watchSize(data) : undefined;
  let running: { pid: number; end(): Promise<void> } | undefined;

  async function start(): Promise<void> {
    if (running) return;
    const guard = spawn('sh', ['-c', GUARD, 'sh', server.path, ...args], {
      env: { PATH: process.env['PATH'], REDIS_LOG: join(logs, 'redis.log') },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    const ended = once(guard, 'exit');
    const [pid] = await once(guard.stdout.setEncoding('utf8'), 'data');
    running = {
      pid: Number(pid),
      end: async () => {
        guard.stdin.end();
        await ended;
      },
    };
    await untilItAnswers(url);
  }

  async function end(): Promise<void> {
    const ending = running;
    running = undefined;
    // The guard kills it and waits for it.
    await ending?.end();
  }

  return {
    url,
    data,
    start,
    async kill() {
      const killedAt = Date.now();
      await end();
      const forced = sizes?.since(killedAt - FORCED_EVERY_MS);
      if (forced) await truncate(forced.file, forced.bytes);
    },
    async stop() {
      sizes?.stop();
      await end();
    },
  };
}

/** Remembers how long the append-only file was at each moment of the last seconds. */
function watchSize(data: string) {
  let seen: { atMs: number; file: string; bytes: number }[] = [];
  const timer = setInterval(async () => {
    const file = await appendOnlyFile(data);
    const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
    if (file && found) seen.push({ atMs: Date.now(), file, bytes: found.size });
    seen = seen.filter(({ atMs }) => atMs > Date.now() - 5 * FORCED_EVERY_MS);
  }, LOOK_EVERY_MS);
  return {
    since: (atMs: number) => seen.find((size) => size.atMs >= atMs),
    stop: () => clearInterval(timer),
  };
}

/** The file that grows: `appendonlydir/….incr.aof` since Redis 7, `appendonly.aof` before. */
export async function appendOnlyFile(data: string): Promise<string | undefined> {
  const files = await readdir(data, { recursive: true, encoding: 'utf8' }).catch(
    (): string[] => [],
  );
  const found = files.find((file) => /\.incr\.aof$/.test(file)) ?? 'appendonly.aof';
  return files.includes(found) ? join(data, found) : undefined;
}

async function untilItAnswers(url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  redis.on('error', () => {});
  try {
    // Commands wait until it has loaded its data.
    await Promise.race([
      redis.ping(),
      wait(START_MS, undefined, { ref: false }).then(() => {
        throw new Error(`Redis did not answer within ${START_MS / 1000} s; see redis.log`);
      }),
    ]);
  } finally {
    redis.disconnect();
  }
}
