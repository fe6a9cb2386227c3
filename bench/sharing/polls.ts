import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../../rig/cleanup.ts';
import { monotonicMs } from '../clock.ts';
import { withInstallation } from '../tenants/installation.ts';
import { type Figure, figureAtMost } from '../tenants/promises.ts';
import { startReceiver } from './receivers.ts';
import { waitAt, waitFigure, waitsOf } from './waits.ts';

/** FASHN's documented limits leave one status check in two to spare with tasks of this length. */
const TASK_MS: [number, number] = [5_000, 12_000];
/** From when on what waits is looked after too, where that is done. */
const SETTLE_MS = 32_000;
const WATCHED_MS = 30_000;
/** After the last task that counts. */
const PATIENCE_MS = 20_000;
const MEDIAN_MS = 2_000;
const WORST_MS = 15_000;

/** How late the end of a task is noticed by status checks while so many submissions wait. */
export async function measurePolls(
  waiting: number,
  folder: string,
  cleanup: Cleanup,
): Promise<Figure[]> {
  const receiver = await startReceiver(cleanup);
  const setUp = {
    ...{ folder, tenants: [{ name: 'shop', weight: 1 }], limits: 'documented' as const },
    ...{ work: { taskMs: TASK_MS, seed: 1 }, webhooks: false },
  };
  return withInstallation(setUp, cleanup, async ({ app, report }) => {
    const names = Array.from({ length: waiting }, (_, n) => `shop-${n}`);
    await app.askAll(
      names.map((name) => ({ tenant: 'shop', name, callbackUrl: receiver.urlFor(name) })),
    );
    await wait(SETTLE_MS);
    const from = monotonicMs();
    await wait(WATCHED_MS);
    const until = monotonicMs();
    await wait(PATIENCE_MS);
    const { done } = await report();
    // What was done before and is not noticed yet counts too: nothing else would be done any more.
    const counted = done.filter(([name, at]) => {
      const noticedAt = receiver.told.get(name) ?? Number.POSITIVE_INFINITY;
      return at < until && noticedAt >= from;
    });
    const waits = waitsOf(counted, receiver.told, monotonicMs());
    const [median, worst] = [waitAt(waits, 0.5), waitAt(waits, 1)];
    const about = `${waiting} waiting: done to noticed by a status check`;
    return [
      {
        name: `polls.${waiting}.count`,
        label: `${waiting} waiting: tasks done`,
        value: waits.length,
        unit: '',
        digits: 0,
      },
      figureAtMost(waitFigure(`polls.${waiting}.median`, `${about}, median`, median), MEDIAN_MS),
      figureAtMost(waitFigure(`polls.${waiting}.worst`, `${about}, worst`, worst), WORST_MS),
    ];
  });
}
