import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../../rig/cleanup.ts';
import { monotonicMs } from '../clock.ts';
import { withInstallation } from '../tenants/installation.ts';
import type { ProviderReport } from '../tenants/messages.ts';
import { type Case, WARM_UP_S } from './cases.ts';
import { compare, type Fairness, type Served } from './compare.ts';

/** How the load of a case was served. */
export interface Measured extends Fairness {
  /** Of what could have been used, how much was. */
  readonly capacityUsed: number;
}

/** Asks Catwalk for the load of a case, and looks at what the provider was sent. */
export async function measureCatwalk(
  one: Case,
  options: { readonly folder: string; readonly seconds: number },
  cleanup: Cleanup,
): Promise<Measured> {
  const { tenants, limits, work } = one;
  const { folder, seconds } = options;
  const setUp = { folder, tenants, limits, work, webhooks: true };
  return withInstallation(setUp, cleanup, async ({ app, report }) => {
    const named = one.load.map((arrival, n) => ({ ...arrival, name: `${arrival.tenant}-${n}` }));
    const startedAt = monotonicMs();
    const accepted = app.askAt(named);
    const [at] = await Promise.all([accepted, wait((WARM_UP_S + seconds) * 1000)]);
    const seen = await report();
    const sent = new Map(seen.submitted);
    const requests = named.map(
      ({ tenant, name, atMs }): Served => ({
        tenant,
        atMs: at.get(name) ?? startedAt + atMs,
        sentAtMs: sent.get(name),
      }),
    );
    const window = windowOf(startedAt, seconds);
    return judge(one, requests, window, busyMs(seen, window));
  });
}

/** @param startedAt of the load. */
export function windowOf(startedAt: number, seconds: number) {
  const fromMs = startedAt + WARM_UP_S * 1000;
  return { fromMs, untilMs: fromMs + seconds * 1000 };
}

/** @param busyMs how long places were taken in the window, all together. */
export function judge(
  { tenants, limits, perSecond }: Case,
  requests: readonly Served[],
  window: ReturnType<typeof windowOf>,
  busyMs: number,
): Measured {
  const found = compare(requests, tenants, window);
  const windowMs = window.untilMs - window.fromMs;
  const capacityUsed =
    limits.running === undefined
      ? (found.sent * 1000) / (perSecond * windowMs)
      : busyMs / (limits.running * windowMs);
  return { ...found, capacityUsed };
}

/** How long the provider's tasks ran within the window, all together. */
export function busyMs(
  { submitted, done }: Pick<ProviderReport, 'submitted' | 'done'>,
  { fromMs, untilMs }: ReturnType<typeof windowOf>,
): number {
  const doneAt = new Map(done);
  return submitted.reduce((sum, [name, from]) => {
    const until = Math.min(doneAt.get(name) ?? untilMs, untilMs);
    return sum + Math.max(until - Math.max(from, fromMs), 0);
  }, 0);
}
