import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../../rig/cleanup.ts';
import { monotonicMs } from '../clock.ts';
import { type Installation, withInstallation } from '../tenants/installation.ts';
import type { Figure } from '../tenants/promises.ts';
import { steadily } from './steadily.ts';
import { unchanged, type Wait, waitAt, waitFigure, waitsOf } from './waits.ts';

const LIMITS = {
  submits: { max: 1_000, perMs: 1_000 },
  concurrency: 1_000,
  pollsPerSecond: 1_000,
};
const TENANTS = [
  { name: 'quiet', weight: 1 },
  { name: 'refused', weight: 1 },
];
const EVERY_MS = 250;
const WITHOUT = 60;
const WITH = 120;
const PATIENCE_MS = 30_000;
const CHECK_EVERY_MS = 100;

/** What one request that is always answered 403 does to another tenant's. */
export async function measureRefusal(folder: string, cleanup: Cleanup): Promise<Figure[]> {
  const setUp = {
    ...{ folder, tenants: TENANTS, limits: LIMITS, webhooks: true },
    work: { taskMs: [200, 400] as [number, number], seed: 1 },
  };
  return withInstallation(setUp, cleanup, async (installation) => {
    const { app, report } = installation;
    // The first requests of all pay for what is warmed up.
    await quietly(installation, 'warm-up', WITHOUT / 4);
    const without = await quietly(installation, 'without', WITHOUT);
    await app.ask({ tenant: 'refused', name: 'refused', isRefused: true });
    while ((await report()).refused === 0) await wait(CHECK_EVERY_MS);
    const waits = await quietly(installation, 'with', WITH);
    const about = 'refusal: another tenant’s accepted to sent';
    return [
      waitFigure('refusal.without.p95', `${about}, without it, p95`, waitAt(without, 0.95)),
      unchanged(
        waitFigure('refusal.with.p95', `${about}, with it, p95`, waitAt(waits, 0.95)),
        waitAt(without, 0.95),
      ),
      waitFigure('refusal.without.worst', `${about}, without it, worst`, waitAt(without, 1)),
      waitFigure('refusal.with.worst', `${about}, with it, worst`, waitAt(waits, 1)),
    ];
  });
}

/** Steady requests of the quiet tenant, and how long each waited to be sent. */
async function quietly(
  { app, report }: Installation,
  about: string,
  count: number,
): Promise<Wait[]> {
  const accepted = await app.askAt(steadily('quiet', about, count, EVERY_MS));
  const deadline = monotonicMs() + PATIENCE_MS;
  for (;;) {
    const sent = new Map((await report()).submitted);
    const isComplete = [...accepted.keys()].every((name) => sent.has(name));
    if (isComplete || monotonicMs() > deadline) return waitsOf(accepted, sent, monotonicMs());
    await wait(CHECK_EVERY_MS);
  }
}
