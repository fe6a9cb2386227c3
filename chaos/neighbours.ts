import { percentile } from '../rig/percentile.ts';
import type { Evidence } from './audit.ts';
import { isNoisy } from './tenants.ts';

/** How soon the tenants were told, seconds from accepted; NaN where none was. */
export interface Neighbours {
  readonly quietToldP95: number;
  readonly noisyToldP95: number;
  /** By callback; the noisy tenant's never is. */
  readonly quietCalledP95: number;
  /** Generations of quiet tenants that were told, but never called back. */
  readonly uncalled: readonly string[];
}

type Books = Pick<Evidence, 'asked' | 'heard' | 'calledAtMs'>;

/** What the noisy tenant does to the quiet ones. */
export function compareNeighbours({ asked, heard, calledAtMs }: Books): Neighbours {
  const toldAtMs = new Map<string, number>();
  for (const { generationId, atMs } of heard) {
    if (!toldAtMs.has(generationId)) toldAtMs.set(generationId, atMs);
  }
  const quiet: number[] = [];
  const noisy: number[] = [];
  const called: number[] = [];
  const uncalled: string[] = [];
  for (const { id, acceptedAtMs, planned } of asked) {
    const toldAt = id === undefined ? undefined : toldAtMs.get(id);
    if (id === undefined || acceptedAtMs === undefined || toldAt === undefined) continue;
    const isQuiet = !isNoisy(planned.tenant);
    (isQuiet ? quiet : noisy).push(toldAt - acceptedAtMs);
    if (!isQuiet) continue;
    const calledAt = calledAtMs.get(id);
    if (calledAt === undefined) uncalled.push(id);
    else called.push(calledAt - acceptedAtMs);
  }
  return {
    quietToldP95: p95(quiet),
    noisyToldP95: p95(noisy),
    quietCalledP95: p95(called),
    uncalled,
  };
}

function p95(waitsMs: readonly number[]): number {
  const sorted = waitsMs.toSorted((a, b) => a - b);
  return percentile(sorted, 0.95) / 1000;
}
