import type { ProviderLimits } from '../../src/providers/provider.ts';
import type { ProviderWork } from '../tenants/messages.ts';
import type { Tenant } from '../tenants/tenant-settings.ts';
import type { Arrival } from './ideal.ts';
import { makeTenants, planLoad } from './load.ts';

/** One load on one kind of limit. */
export interface Case {
  readonly name: string;
  readonly tenants: readonly Tenant[];
  readonly limits: ProviderLimits;
  readonly work: ProviderWork;
  /** Most submissions there can be. */
  readonly perSecond: number;
  readonly load: readonly Arrival[];
}

/** Until everyone has something waiting. */
export const WARM_UP_S = 3;
const SEED = 1;
const PER_SECOND = 50;
const FEWEST_PLACES = 6;
/** On the average a task takes 1.5 s. */
const TASK_MS: [number, number] = [1_000, 2_000];
const FREE = { concurrency: 1_000, pollsPerSecond: 1_000 };

/** A provider that limits its rate, all tenants alike, and one that limits what it runs, by weights. */
export function casesFor(count: number, seconds: number): Case[] {
  const places = Math.max(FEWEST_PLACES, count);
  const perPlace = 2_000 / (TASK_MS[0] + TASK_MS[1]);
  const make = (
    isWeighted: boolean,
    rest: Pick<Case, 'name' | 'limits' | 'work' | 'perSecond'>,
  ): Case => {
    const tenants = makeTenants(count, isWeighted);
    const { perSecond } = rest;
    const load = planLoad(tenants, { perSecond, seconds: seconds + WARM_UP_S, seed: SEED });
    return { ...rest, tenants, load };
  };
  return [
    make(false, {
      name: `${count} tenants, ${PER_SECOND} submissions a second`,
      limits: { ...FREE, submits: { max: PER_SECOND / 2, perMs: 500 } },
      work: { taskMs: [200, 400], seed: SEED },
      perSecond: PER_SECOND,
    }),
    make(true, {
      name: `${count} tenants with weights 1 to 3, ${places} tasks at once`,
      limits: { ...FREE, submits: { max: 1_000, perMs: 1_000 }, running: places },
      work: { taskMs: TASK_MS, seed: SEED },
      perSecond: places * perPlace,
    }),
  ];
}
