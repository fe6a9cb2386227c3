import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessOptions } from '../rig/start-process.ts';
import { superviseProcess } from '../rig/supervise-process.ts';
import { untilReady } from '../rig/until-ready.ts';
import { type MemoryLimit, memoryOf } from './memory-limit.ts';

/** A process under attack: started again when it dies, and every death is counted. */
export interface Victim {
  crashes(): number;
  /** The most memory that any of its lives has had (bytes), as far as was seen. */
  peakBytes(): number;
  /** Files and sockets that it holds open. */
  openHandles(): Promise<number>;
  /** Resolves when it answers. @throws when it does not in time. */
  untilReady(): Promise<void>;
  stop(): Promise<void>;
}

const CHECK_EVERY_MS = 200;

export function startVictim(
  name: string,
  program: string,
  options: Pick<ProcessOptions, 'env' | 'nodeFlags'> & {
    folder: string;
    readyUrl: string;
    limit?: MemoryLimit;
  },
): Victim {
  const { limit, readyUrl, ...how } = options;
  let peak = 0;
  const victim = superviseProcess(program, {
    ...how,
    logFile: join(options.folder, `${name}.log`),
    launcher: limit?.launcher ?? [],
    onStart: ({ pid }) => limit?.watch(pid),
  });
  victim.start();
  const looking = setInterval(async () => {
    if (!victim.child) return;
    const { peak: seen } = await memoryOf(victim.child.pid);
    if (seen > peak) peak = seen;
  }, CHECK_EVERY_MS);

  return {
    crashes: () => victim.endedByItself,
    peakBytes: () => peak,
    openHandles: async () =>
      (await readdir(`/proc/${victim.child?.pid}/fd`).catch(() => [])).length,
    untilReady: () => untilReady(readyUrl),
    async stop() {
      clearInterval(looking);
      await victim.stop();
    },
  };
}
