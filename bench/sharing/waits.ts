import { percentile } from '../../rig/percentile.ts';
import { type Figure, figureAtMost } from '../tenants/promises.ts';

/** How long something took, or has taken so far. */
export interface Wait {
  readonly ms: number;
  readonly isOver: boolean;
}

/** From each start to the end of the same name; what has none yet lasts until now. */
export function waitsOf(
  starts: Iterable<readonly [string, number]>,
  ends: ReadonlyMap<string, number>,
  now: number,
): Wait[] {
  return [...starts].map(([name, from]) => {
    const end = ends.get(name);
    return { ms: Math.max((end ?? now) - from, 0), isOver: end !== undefined };
  });
}

/** What so large a share of them does not exceed. */
export function waitAt(waits: readonly Wait[], share: number): Wait {
  const sorted = waits.toSorted((a, b) => a.ms - b.ms);
  const ms = percentile(
    sorted.map((wait) => wait.ms),
    share,
  );
  // Where one of those that are not longer is not over, nor is this.
  const isOver = sorted.every((wait) => wait.isOver || wait.ms > ms);
  return { ms, isOver };
}

export function waitFigure(name: string, label: string, { ms, isOver }: Wait): Figure {
  return { name, label, value: ms, unit: 'ms', digits: 0, isAtLeast: !isOver };
}

/** Of waits this short, ten percent are within what the machine does by itself. */
const NOISE_MS = 20;
const MOST_MORE = 0.1;

/** That a wait is what it was without the trouble. */
export function unchanged(figure: Figure, without: Wait): Figure {
  const most = Math.max(without.ms * (1 + MOST_MORE), without.ms + NOISE_MS);
  return figureAtMost(figure, most, `within 10 % or ${NOISE_MS} ms`);
}
