import { readdir } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type Child, startChild } from '../rig/compiled-child.ts';
import { type MemoryLimit, memoryOf } from './memory-limit.ts';

/** A process under attack: started again when it dies, and every death is counted. */
export interface Victim {
  readonly name: string;
  crashes(): number;
  /** The most memory that any of its lives has had (bytes), as far as was seen. */
  peakBytes(): number;
  /** Files and sockets that it holds open. */
  openHandles(): Promise<number>;
  /** Resolves when it answers. @throws when it does not in time. */
  untilReady(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 30_000;
const LOOK_EVERY_MS = 200;

export function startVictim(
  name: string,
  program: string,
  options: {
    folder: string;
    env: Record<string, string>;
    readyUrl: string;
    limit?: MemoryLimit;
    nodeFlags?: readonly string[];
  },
): Victim {
  const { limit, readyUrl } = options;
  let child: Child;
  let crashes = 0;
  let peak = 0;
  let isStopping = false;

  function start(): void {
    child = startChild(program, { ...options, name, launcher: limit?.launcher ?? [] });
    limit?.watch(child.pid);
    child.failed.catch(() => {
      if (isStopping) return;
      crashes += 1;
      start();
    });
  }
  start();
  const looking = setInterval(async () => {
    const { peak: seen } = await memoryOf(child.pid);
    if (seen > peak) peak = seen;
  }, LOOK_EVERY_MS);

  return {
    name,
    crashes: () => crashes,
    peakBytes: () => peak,
    openHandles: async () => (await readdir(`/proc/${child.pid}/fd`).catch(() => [])).length,
    async untilReady() {
      const deadline = Date.now() + START_MS;
      while (Date.now() < deadline) {
        const answer = await fetch(readyUrl).catch(() => undefined);
        await answer?.body?.cancel();
        if (answer?.ok) return;
        await wait(50);
      }
      throw new Error(`${name} was not ready within ${START_MS / 1000} s`);
    },
    async stop() {
      isStopping = true;
      clearInterval(looking);
      await child.stop();
    },
  };
}
