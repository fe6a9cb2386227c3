import { mkdir, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedRedis, startEmbeddedRedis } from './embedded-redis.ts';

/** A Redis that can be killed and comes back at the same address with what it had written down. */
export interface KillableRedis {
  readonly url: string;
  /** Where its append-only file is. */
  readonly data: string;
  /** kill -9. With power cuts it also loses what it had not forced to disk. */
  kill(): Promise<void>;
  /** Resolves when it answers. Does nothing when it runs. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** `everysec` forces the file to disk once a second. */
const FORCED_EVERY_MS = 1_000;
const CHECK_EVERY_MS = 50;

/** Not running yet. @param at where its data and its log `redis.log` are kept. */
export async function createRedis(
  port: number,
  at: { folder: string; logs: string },
  options: { appendfsync: 'everysec' | 'always'; powerCuts: boolean },
): Promise<KillableRedis> {
  const { appendfsync, powerCuts } = options;
  const data = join(at.folder, 'redis');
  await mkdir(data, { recursive: true });
  const settings = {
    appendfsync,
    // A rewritten file could not be cut back to what it was a second ago.
    ...(powerCuts && { 'auto-aof-rewrite-percentage': '0' }),
  };
  const sizes = powerCuts && appendfsync === 'everysec' ? watchSize(data) : undefined;
  let running: EmbeddedRedis | undefined;

  return {
    url: `redis://127.0.0.1:${port}`,
    data,
    async start() {
      const logFile = join(at.logs, 'redis.log');
      running ??= await startEmbeddedRedis({ dataDir: data, port, logFile, settings });
    },
    async kill() {
      const killedAt = Date.now();
      await running?.kill();
      running = undefined;
      const forced = sizes?.since(killedAt - FORCED_EVERY_MS);
      if (forced) await truncate(forced.file, forced.bytes);
    },
    async stop() {
      sizes?.stop();
      await running?.kill();
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
  }, CHECK_EVERY_MS);
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
