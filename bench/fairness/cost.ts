import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../../rig/cleanup.ts';
import { cpuSeconds } from '../cpu.ts';
import { commandCalls } from '../redis-cost.ts';
import { type Installation, withInstallation } from '../tenants/installation.ts';
import { makeTenants } from './load.ts';

/** What one submission costs, from its request until it was sent. */
export interface Cost {
  /** Of Redis, those that scripts call included. */
  readonly commands: number;
  readonly workerCpuMs: number;
  readonly webCpuMs: number;
}

const COUNT = 1_000;
const WARM_UP = ['warm-up', 'warm-up', 'warm-up'] as const;
const ORDER = ['alone', 'many', 'many', 'alone', 'alone', 'many', 'many', 'alone'] as const;
/** Less than is asked for, so that there is a line. */
const LIMITS = {
  submits: { max: 100, perMs: 500 },
  concurrency: 1_000,
  pollsPerSecond: 1_000,
};
/** Longer than the measurement: what becomes of the tasks is not its business. */
const TASK_MS = 3_600_000;
const CHECK_EVERY_MS = 100;
const SETTLE_MS = 1_000;

/** The same number of requests from one tenant and from many, in turn. */
export async function measureCost(
  options: { readonly folder: string; readonly tenants: number },
  cleanup: Cleanup,
): Promise<{ alone: Cost; many: Cost }> {
  const tenants = makeTenants(options.tenants, false);
  const names = tenants.map(({ name }) => name);
  const setUp = {
    ...{ folder: options.folder, tenants, limits: LIMITS, webhooks: true },
    work: { taskMs: [TASK_MS, TASK_MS] as [number, number], seed: 1 },
  };
  return withInstallation(setUp, cleanup, async (installation) => {
    const costs = { alone: [] as Cost[], many: [] as Cost[] };
    let sent = 0;
    // The first ones let V8 compile what is hot. Then each is the earlier one as often as the other.
    for (const who of [...WARM_UP, ...ORDER]) {
      const tenants = who === 'alone' ? names.slice(0, 1) : names;
      const cost = await measureOnce(installation, tenants, sent);
      sent += COUNT;
      if (who !== 'warm-up') costs[who].push(cost);
    }
    return { alone: mean(costs.alone), many: mean(costs.many) };
  });
}

async function measureOnce(
  { redis, web, worker, app, report }: Installation,
  tenants: readonly string[],
  before: number,
): Promise<Cost> {
  const read = async () => ({
    commands: await commandCalls(redis),
    worker: await cpuSeconds(worker.pid),
    web: await cpuSeconds(web.pid),
  });
  const start = await read();
  const requests = Array.from({ length: COUNT }, (_, n) => {
    const tenant = tenants[n % tenants.length] ?? '';
    return { tenant, name: `${tenant}-${before + n}` };
  });
  await app.askAll(requests);
  while ((await report()).submitted.length < before + COUNT) await wait(CHECK_EVERY_MS);
  await wait(SETTLE_MS);
  const end = await read();
  return {
    commands: (end.commands - start.commands) / COUNT,
    workerCpuMs: ((end.worker - start.worker) * 1000) / COUNT,
    webCpuMs: ((end.web - start.web) * 1000) / COUNT,
  };
}

function mean(costs: readonly Cost[]): Cost {
  const of = (name: keyof Cost): number =>
    costs.reduce((sum, cost) => sum + cost[name], 0) / costs.length;
  return {
    commands: of('commands'),
    workerCpuMs: of('workerCpuMs'),
    webCpuMs: of('webCpuMs'),
  };
}
