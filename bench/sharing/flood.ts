import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../../rig/cleanup.ts';
import { monotonicMs } from '../clock.ts';
import { type Installation, withInstallation } from '../tenants/installation.ts';
import { type Figure, figureAtMost } from '../tenants/promises.ts';

const PER_SECOND = 20;
const LIMITS = {
  submits: { max: PER_SECOND / 2, perMs: 500 },
  concurrency: 1_000,
  pollsPerSecond: 1_000,
};
const TENANTS = [
  { name: 'single', weight: 1 },
  { name: 'flood', weight: 1 },
];
/** One after the other. */
const PROBES = 10;
const PATIENCE_MS = 30_000;
const CHECK_EVERY_MS = 20;
const MOST_TURNS = 2;

interface Turn {
  /** Submissions of others between its being accepted and its being sent. */
  readonly others: number;
  readonly ms: number;
  readonly isOver: boolean;
}

/** How many of a tenant's many requests are sent before another tenant's next one. */
export async function measureFlood(
  count: number,
  folder: string,
  cleanup: Cleanup,
): Promise<Figure[]> {
  const setUp = {
    ...{ folder, tenants: TENANTS, limits: LIMITS, webhooks: true },
    work: { taskMs: [200, 400] as [number, number], seed: 1 },
  };
  return withInstallation(setUp, cleanup, async (installation) => {
    await installation.app.askAll(
      Array.from({ length: count }, (_, n) => ({ tenant: 'flood', name: `flood-${n}` })),
    );
    const turns: Turn[] = [];
    while (turns.length < PROBES && turns.every(({ isOver }) => isOver)) {
      turns.push(await probe(installation, `single-${turns.length}`));
    }
    const about = `flood of ${count}: another tenant’s next one`;
    const isAtLeast = turns.some(({ isOver }) => !isOver);
    const worst = (of: (turn: Turn) => number): number => Math.max(...turns.map(of));
    return [
      figureAtMost(
        {
          name: 'flood.turns',
          label: `${about}, sent after so many others`,
          ...{ value: worst(({ others }) => others), unit: '', digits: 0, isAtLeast },
        },
        MOST_TURNS,
      ),
      {
        name: 'flood.wait',
        label: `${about}, accepted to sent, longest of ${turns.length}`,
        ...{ value: worst(({ ms }) => ms), unit: 'ms', digits: 0, isAtLeast },
      },
    ];
  });
}

async function probe({ app, report }: Installation, name: string): Promise<Turn> {
  const acceptedAt = await app.ask({ tenant: 'single', name });
  const deadline = acceptedAt + PATIENCE_MS;
  for (;;) {
    const { submitted } = await report();
    const sentAt = submitted.find(([sent]) => sent === name)?.[1];
    if (sentAt !== undefined || monotonicMs() > deadline) {
      const until = sentAt ?? monotonicMs();
      const others = submitted.filter(([, at]) => at > acceptedAt && at < until).length;
      return { others, ms: Math.max(until - acceptedAt, 0), isOver: sentAt !== undefined };
    }
    await wait(CHECK_EVERY_MS);
  }
}
