import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../../rig/cleanup.ts';
import { monotonicMs } from '../clock.ts';
import { type Installation, withInstallation } from '../tenants/installation.ts';
import type { Figure } from '../tenants/promises.ts';
import { type Receiver, startReceiver, startTarpit } from './receivers.ts';
import { steadily } from './steadily.ts';
import { unchanged, type Wait, waitAt, waitFigure, waitsOf } from './waits.ts';

const LIMITS = {
  submits: { max: 1_000, perMs: 1_000 },
  concurrency: 1_000,
  pollsPerSecond: 1_000,
};
const TENANTS = [
  { name: 'healthy', weight: 1 },
  { name: 'silent', weight: 1 },
];
const EVERY_MS = 100;
const COUNT = 200;
const WARM_UP = 50;
const PATIENCE_MS = 75_000;
const CHECK_EVERY_MS = 50;

/** What so many events to an endpoint that never answers do to those of another tenant. */
export async function measureCallbacks(
  silent: number,
  folder: string,
  cleanup: Cleanup,
): Promise<Figure[]> {
  const [receiver, tarpit] = await Promise.all([startReceiver(cleanup), startTarpit(cleanup)]);
  const setUp = {
    ...{ folder, tenants: TENANTS, limits: LIMITS, webhooks: true },
    work: { taskMs: [200, 400] as [number, number], seed: 1 },
  };
  return withInstallation(setUp, cleanup, async (installation) => {
    await healthily(installation, receiver, 'warm-up', WARM_UP);
    const without = await healthily(installation, receiver, 'without', COUNT);
    await installation.app.askAll(
      Array.from({ length: silent }, (_, n) => ({
        ...{ tenant: 'silent', name: `silent-${n}` },
        callbackUrl: tarpit.urlFor(`silent-${n}`),
      })),
    );
    while (tarpit.calls() === 0) await wait(CHECK_EVERY_MS);
    const waits = await healthily(installation, receiver, 'with', COUNT);
    const about = `${silent} callbacks unanswered: another tenant’s done to called`;
    const name = `callbacks.${silent}`;
    const fact = (when: string, which: string, found: Wait): Figure =>
      waitFigure(`${name}.${when}.${which}`, `${about}, ${when} them, ${which}`, found);
    const [p50, p99] = [waitAt(without, 0.5), waitAt(without, 0.99)];
    return [
      fact('without', 'p50', p50),
      fact('with', 'p50', waitAt(waits, 0.5)),
      fact('without', 'p99', p99),
      unchanged(fact('with', 'p99', waitAt(waits, 0.99)), p99),
    ];
  });
}

/** Steady requests of the healthy tenant, and how long after its end each was called. */
async function healthily(
  { app, report }: Installation,
  receiver: Receiver,
  about: string,
  count: number,
): Promise<Wait[]> {
  const requests = steadily('healthy', about, count, EVERY_MS);
  await app.askAt(
    requests.map((request) => ({ ...request, callbackUrl: receiver.urlFor(request.name) })),
  );
  const deadline = monotonicMs() + PATIENCE_MS;
  while (monotonicMs() < deadline) {
    if (requests.every(({ name }) => receiver.told.has(name))) break;
    await wait(CHECK_EVERY_MS);
  }
  const names = new Set(requests.map(({ name }) => name));
  const done = (await report()).done.filter(([name]) => names.has(name));
  return waitsOf(done, receiver.told, monotonicMs());
}
