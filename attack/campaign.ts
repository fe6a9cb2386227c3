import type { Say } from '../rig/run-tool.ts';
import type { Child } from '../rig/start-process.ts';
import type { Family } from './attempt.ts';
import { type Order, Tally, type Target } from './messages.ts';

/** What the attempts of each family came to. */
export interface Row extends Tally {
  crashed: number;
}

/** The attempts of a whole run, order by order. */
export interface Campaign {
  /** All attempts of a family, by one attacker. */
  attack(attacker: Child, family: Family, count: number): Promise<void>;
  /** What can be said about a family only when everything is over. */
  conclude(attacker: Child, family: Family): Promise<void>;
  rows(): Row[];
}

/** So that the attacker hears in time what is under way, and we of what it did. */
const MOST_PER_ORDER = 1_000;
const ROUNDS_PER_PATIENT_ORDER = 3;
const ORDER_MS = 300_000;
const MOST_FAILURES = 8;

export function createCampaign(options: {
  seed: number;
  target: () => Promise<Target>;
  /** Processes that died so far. */
  crashes: () => number;
  say: Say;
}): Campaign {
  const { seed, target, crashes, say } = options;
  const rows = new Map<string, Row>();

  async function give(attacker: Child, order: Omit<Order, 'seed' | 'target'>): Promise<void> {
    const crashesBefore = crashes();
    const full: Order = { ...order, seed, target: await target() };
    add(await attacker.ask(full, Tally, ORDER_MS), crashes() - crashesBefore);
  }

  function add(tally: Tally, crashed: number): void {
    const row = rows.get(tally.family);
    rows.set(tally.family, {
      family: tally.family,
      tried: (row?.tried ?? 0) + tally.tried,
      wronglyAccepted: (row?.wronglyAccepted ?? 0) + tally.wronglyAccepted,
      answered5xx: (row?.answered5xx ?? 0) + tally.answered5xx,
      hung: (row?.hung ?? 0) + tally.hung,
      otherwise: (row?.otherwise ?? 0) + tally.otherwise,
      failures: [...(row?.failures ?? []), ...tally.failures].slice(0, MOST_FAILURES),
      crashed: (row?.crashed ?? 0) + crashed,
    });
  }

  return {
    async attack(attacker, { name: family, isPatient, atOnce }, count) {
      const size = isPatient ? atOnce * ROUNDS_PER_PATIENT_ORDER : MOST_PER_ORDER;
      for (let from = 0; from < count; from += size) {
        const to = Math.min(from + size, count);
        await give(attacker, { family, from, to, isLast: false });
        say(`${family}: ${to} of ${count}`);
      }
    },
    conclude: (attacker, { name: family }) =>
      give(attacker, { family, from: 0, to: 0, isLast: true }),
    rows: () => [...rows.values()],
  };
}
