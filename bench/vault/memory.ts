import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { percentile } from '../../rig/percentile.ts';

const run = promisify(execFile);
const EVERY_MS = 500;

/** What a process held, in MB. Flat: the last third is what the middle one was. */
export interface MemoryFigures {
  readonly first: number;
  readonly middle: number;
  readonly last: number;
  readonly most: number;
}

/** Looks at the resident memory of a process twice a second. */
export function watchMemory(pid: number): { stop(): MemoryFigures } {
  const seen: number[] = [];
  const timer = setInterval(async () => {
    const told = await run('ps', ['-o', 'rss=', '-p', String(pid)]).catch(() => undefined);
    if (told) seen.push(Number(told.stdout) / 1024);
  }, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      const third = Math.ceil(seen.length / 3);
      const median = (part: readonly number[]): number =>
        Math.round(
          percentile(
            part.toSorted((a, b) => a - b),
            0.5,
          ),
        );
      return {
        first: median(seen.slice(0, third)),
        middle: median(seen.slice(third, 2 * third)),
        last: median(seen.slice(2 * third)),
        most: Math.round(Math.max(...seen)),
      };
    },
  };
}
