import { mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../rig/ports.ts';
import { appendOnlyFile, createRedis } from '../../rig/redis/killable-redis.ts';
import { type Pipeline, type PipelineOptions, setupPipeline } from './pipeline.ts';

/** A real Redis that a test may do anything to, because nobody else uses it. */
export interface OwnRedis {
  readonly url: string;
  /** Where it keeps its files. */
  readonly data: string;
  /** For what an operator, or a disk, does to it. */
  readonly admin: Redis;
  /** kill -9. What it had answered is in its file: it forces each write to disk before it answers. */
  kill(): Promise<void>;
  /** Comes back, at the same address, with what is in its file. */
  start(): Promise<void>;
  /** How much of what it was told is on disk now. */
  written(): Promise<Written>;
  /**
   * The moment before the first write that holds all of `parts`, a whole script counting as one write.
   * @throws when there is none.
   */
  writtenBefore(...parts: readonly string[]): Promise<Written>;
  /** kill -9 and back, as if nothing after `moment` had been forced to disk in time. */
  forget(moment: Written): Promise<void>;
}

/** A moment, as the size of the append-only file. */
export type Written = number & { readonly moment: unique symbol };

type OnFinished = (end: () => Promise<void>) => void;

/**
 * Starts one. `onFinished` is told how to end it; it is then running and harmless again, whatever
 * was done to it, so that whoever uses it can take leave first.
 */
export async function startOwnRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-own-redis-'));
  const redis = await createRedis(
    await freePort(),
    { folder, logs: folder },
    { appendfsync: 'always', powerCuts: false },
  );
  await redis.start();
  const admin = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  // It is killed again and again; whoever waits for an answer gets one when it is back.
  admin.on('error', () => undefined);
  const file = async (): Promise<string> => {
    const found = await appendOnlyFile(redis.data);
    if (!found) throw new Error('Redis has no append-only file');
    return found;
  };

  const own: OwnRedis = {
    url: redis.url,
    data: redis.data,
    admin,
    kill: redis.kill,
    start: redis.start,
    // A size of the file is nothing else than a moment.
    written: async () => (await stat(await file())).size as Written,
    writtenBefore: async (...parts) => {
      const write = writesIn(await readFile(await file())).find(({ text }) =>
        parts.every((part) => text.includes(part)),
      );
      if (!write) throw new Error(`Redis never wrote ${parts.join(' with ')}`);
      return write.at;
    },
    async forget(moment) {
      await redis.kill();
      await truncate(await file(), moment);
      await redis.start();
    },
  };
  return {
    ...own,
    /** Running and harmless again, whatever was done to it, so that its users can take their leave. */
    async cure() {
      await redis.start();
      await admin.config('SET', 'maxmemory', '0');
      await admin.config('SET', 'min-replicas-to-write', '0');
      await admin.config('SET', 'save', '');
      await admin.call('REPLICAOF', 'NO', 'ONE');
    },
    async stop() {
      admin.disconnect();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * The writes of an append-only file, each with its place: commands as `*<count>`, and for each word
 * `$<length>` and the word. What a script wrote stands between MULTI and EXEC.
 */
function writesIn(file: Buffer): { at: Written; text: string }[] {
  const writes: { at: Written; text: string }[] = [];
  const lineFrom = (start: number): string =>
    file.toString('latin1', start, file.indexOf('\r\n', start));
  let begunAt: number | undefined;
  for (let at = 0; at < file.length; ) {
    const head = lineFrom(at);
    let next = at + head.length + 2;
    if (head.startsWith('*')) {
      for (let word = 0; word < Number(head.slice(1)); word++) {
        const length = lineFrom(next);
        next += length.length + 2 + Number(length.slice(1)) + 2;
      }
    }
    const name = file.toString('latin1', at, Math.min(next, at + 32)).toUpperCase();
    if (name.includes('\r\nMULTI\r\n')) begunAt = at;
    const isOpen = begunAt !== undefined && !name.includes('\r\nEXEC\r\n');
    if (!isOpen) {
      const from = begunAt ?? at;
      // A place in the file is a moment.
      writes.push({ at: from as Written, text: file.toString('utf8', from, next) });
      begunAt = undefined;
    }
    at = next;
  }
  return writes;
}

/** A pipeline on a Redis of its own; both are gone when the test ends. */
export async function setupOnOwnRedis(
  onFinished: OnFinished,
  options: PipelineOptions = {},
): Promise<{ own: OwnRedis; pipeline: Pipeline }> {
  const own = await startOwnRedis();
  let closePipeline = async (): Promise<void> => undefined;
  onFinished(async () => {
    await own.cure();
    await closePipeline();
    await own.stop();
  });
  const pipeline = await setupPipeline({
    ...options,
    redisUrl: own.url,
    onFinished: (close) => {
      closePipeline = close;
    },
  });
  return { own, pipeline };
}
