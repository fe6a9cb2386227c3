import { createRandom } from '../rig/random.ts';
import { type PlannedScenario, scenarioWeights } from './catalogue.ts';
import { type PlannedFault, planFaults } from './plan-faults.ts';
import { inBursts, planTenants, type Tenant } from './tenants.ts';

/** One generation that the app asks for. */
export interface PlannedRequest {
  readonly index: number;
  readonly tenant: Tenant;
  readonly provider: string;
  /** How the simulated provider treats it. */
  readonly scenario: PlannedScenario;
  /** From the beginning of the run. */
  readonly atMs: number;
}

/** What happens to one webhook on its way from the provider to us. */
export interface Mischief {
  readonly kind: 'none' | 'lose-request' | 'lose-answer' | 'double' | 'delay';
  readonly delayMs: number;
}

export interface Plan {
  readonly requests: readonly PlannedRequest[];
  readonly faults: readonly PlannedFault[];
  /** How long requests keep coming. */
  readonly loadMs: number;
  /** For the n-th webhook that arrives. */
  mischief(n: number): Mischief;
}

export const WEB_PROCESSES = 2;
export const WORKER_PROCESSES = 3;

const MISCHIEF: Readonly<Record<Mischief['kind'], number>> = {
  none: 90,
  'lose-request': 2.5,
  'lose-answer': 2.5,
  double: 2.5,
  // A delayed one is overtaken by the next, so this is also what brings them out of order.
  delay: 2.5,
};
const LONGEST_DELAY_MS = 3_000;

/** Everything that will go wrong. The same arguments always make the same plan. */
export function makePlan(options: {
  seed: number;
  generations: number;
  ratePerSecond: number;
  providers: readonly string[];
}): Plan {
  const { seed, generations, ratePerSecond, providers } = options;
  const loadMs = (generations * 1000) / ratePerSecond;
  return {
    requests: planRequests(seed, generations, loadMs, providers),
    faults: planFaults(seed, loadMs, providers),
    loadMs,
    mischief(n) {
      const random = createRandom(seed, 'webhook', n);
      return { kind: random.weighted(MISCHIEF), delayMs: random.between(100, LONGEST_DELAY_MS) };
    },
  };
}

function planRequests(
  seed: number,
  generations: number,
  loadMs: number,
  providers: readonly string[],
): PlannedRequest[] {
  const random = createRandom(seed, 'requests');
  const requests = planTenants(seed, generations).map((tenant, index) => {
    const provider = providers[index % providers.length] ?? '';
    const scenario = random.weighted(scenarioWeights(provider));
    const atMs = ((index + random.next()) * loadMs) / generations;
    return { index, tenant, provider, scenario, atMs };
  });
  return inBursts(requests, loadMs);
}
