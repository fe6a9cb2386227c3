import { percentile } from '../../rig/percentile.ts';
import type { Tenant } from '../tenants/tenant-settings.ts';
import { type Arrival, idealService } from './ideal.ts';

/** One request, and when it was sent to the provider, if it was. */
export interface Served extends Arrival {
  readonly sentAtMs: number | undefined;
}

/** Of one tenant in the window. */
export interface TenantShare {
  readonly tenant: string;
  readonly weight: number;
  readonly asked: number;
  readonly sent: number;
  readonly idealSent: number;
  /** Median of those sent; NaN of none. */
  readonly waitMs: number;
  readonly idealWaitMs: number;
  /** From the ideal, as a part of it, beyond one turn: so many whole requests as it has weight. */
  readonly deviation: number;
}

export interface Fairness {
  readonly tenants: readonly TenantShare[];
  readonly sent: number;
  readonly largestDeviation: number;
}

/** Compares who was sent in the window with who should have been, by what was asked from the start. */
export function compare(
  requests: readonly Served[],
  tenants: readonly Tenant[],
  window: { readonly fromMs: number; readonly untilMs: number },
): Fairness {
  const { fromMs, untilMs } = window;
  const inOrder = requests.toSorted((a, b) => a.atMs - b.atMs);
  const startMs = inOrder[0]?.atMs ?? 0;
  const sentSoFar = requests.filter(
    ({ sentAtMs }) => sentAtMs !== undefined && sentAtMs <= untilMs,
  );
  // The order is judged here; how much was sent is judged against the capacity.
  const perSecond = (sentSoFar.length * 1000) / (untilMs - startMs);
  const weights = new Map(tenants.map(({ name, weight }) => [name, weight]));
  const ideal = idealService(inOrder, { perSecond, weights, untilMs });

  const shares = tenants.map(({ name, weight }): TenantShare => {
    const waits: number[] = [];
    const idealWaits: number[] = [];
    let asked = 0;
    for (const [index, { tenant, atMs, sentAtMs }] of inOrder.entries()) {
      if (tenant !== name) continue;
      if (atMs < untilMs) asked += 1;
      const isIn = (at: number | undefined): at is number =>
        at !== undefined && at > fromMs && at <= untilMs;
      if (isIn(sentAtMs)) waits.push(Math.max(sentAtMs - atMs, 0));
      const idealAt = ideal[index];
      if (isIn(idealAt)) idealWaits.push(idealAt - atMs);
    }
    const [sent, idealSent] = [waits.length, idealWaits.length];
    const off = Math.max(Math.abs(sent - idealSent) - weight, 0);
    return {
      ...{ tenant: name, weight, asked, sent, idealSent },
      waitMs: median(waits),
      idealWaitMs: median(idealWaits),
      deviation: off === 0 ? 0 : off / Math.max(idealSent, 1),
    };
  });
  return {
    tenants: shares,
    sent: shares.reduce((sum, { sent }) => sum + sent, 0),
    largestDeviation: Math.max(...shares.map(({ deviation }) => deviation)),
  };
}

function median(values: number[]): number {
  return percentile(
    values.sort((a, b) => a - b),
    0.5,
  );
}
