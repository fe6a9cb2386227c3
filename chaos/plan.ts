import { type PlannedScenario, scenarioWeights } from './catalogue.ts';
import { createRandom } from './random.ts';

/** One generation that the app asks for. */
export interface PlannedRequest {
  readonly index: number;
  readonly provider: string;
  /** How the simulated provider treats it. */
  readonly scenario: PlannedScenario;
  /** From the beginning of the run. */
  readonly atMs: number;
}

export type Victim = 'worker' | 'web' | 'redis';

/** One kill -9, and when its victim is started again. */
export interface PlannedKill {
  readonly victim: Victim;
  /** Which of several; counted from 0. */
  readonly which: number;
  readonly atMs: number;
  readonly downMs: number;
}

/** What happens to one webhook on its way from the provider to us. */
export interface Mischief {
  readonly kind: 'none' | 'lose-request' | 'lose-answer' | 'double' | 'delay';
  readonly delayMs: number;
}

export interface Plan {
  readonly requests: readonly PlannedRequest[];
  readonly kills: readonly PlannedKill[];
  /** How long requests keep coming. */
  readonly loadMs: number;
  /** For the n-th webhook that arrives. */
  mischief(n: number): Mischief;
}

export const WEB_PROCESSES = 2;
export const WORKER_PROCESSES = 3;

/** How often each is killed, at least how many times, and how long it stays away. */
const KILLS: Readonly<
  Record<Victim, { everyMs: number; atLeast: number; processes: number; mostDownMs: number }>
> = {
  worker: { everyMs: 7_000, atLeast: 3, processes: WORKER_PROCESSES, mostDownMs: 3_000 },
  web: { everyMs: 12_000, atLeast: 2, processes: WEB_PROCESSES, mostDownMs: 2_500 },
  redis: { everyMs: 25_000, atLeast: 1, processes: 1, mostDownMs: 4_000 },
};
const LEAST_DOWN_MS = 200;

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
    kills: planKills(seed, loadMs),
    loadMs,
    mischief(n) {
      const random = createRandom(seed * 7_919 + n * 104_729 + 3);
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
  const random = createRandom(seed * 7_919 + 1);
  return Array.from({ length: generations }, (_, index) => {
    const provider = providers[index % providers.length] ?? '';
    const scenario = random.weighted(scenarioWeights(provider));
    return { index, provider, scenario, atMs: ((index + random.next()) * loadMs) / generations };
  });
}

function planKills(seed: number, loadMs: number): PlannedKill[] {
  const random = createRandom(seed * 7_919 + 2);
  // Not the first moments, when nothing is under way yet; but also a little after the last request.
  const [from, to] = [loadMs * 0.1, loadMs * 1.05];
  // The keys of KILLS are the victims.
  const kills = (Object.keys(KILLS) as Victim[]).flatMap((victim) => {
    const { everyMs, atLeast, processes, mostDownMs } = KILLS[victim];
    return Array.from({ length: Math.max(atLeast, Math.round(loadMs / everyMs)) }, () => ({
      victim,
      which: Math.floor(random.between(0, processes)),
      atMs: random.between(from, to),
      downMs: random.between(LEAST_DOWN_MS, mostDownMs),
    }));
  });
  return kills.sort((a, b) => a.atMs - b.atMs);
}
