import type { z } from 'zod';
import { type SimulatedAccounts, simulatedAccounts } from './simulated-accounts.ts';
import { type Child, type ProcessOptions, startProcess } from './start-process.ts';

/** The simulated providers as a process of its own. */
export interface Simulation {
  readonly url: string;
  readonly process: Child;
  /** Settings that point these providers, all of ours when left out, here. */
  env(providers?: readonly string[]): Record<string, string>;
  /** What every provider has accepted: its own books. */
  books<T>(schema: z.ZodType<T>): Promise<T>;
  /** Tells it to behave otherwise. @throws Error with its answer when it refuses. */
  control(what: 'scenario' | 'outage', body: object): Promise<void>;
}

/**
 * Starts the simulator, on a free port unless `args` name one. Resolves when it answers.
 * @param options.publicUrl as for `simulatedAccounts`.
 * @param options.program another one that takes the simulator's arguments and says the same.
 */
export async function startSimulation(
  options: Pick<ProcessOptions, 'args' | 'env' | 'folder'> & {
    publicUrl: string;
    program?: string;
  },
): Promise<Simulation> {
  const { publicUrl, program = 'simulator/main', args = [], ...where } = options;
  const accounts: SimulatedAccounts = simulatedAccounts(publicUrl);
  const process = startProcess(program, {
    ...where,
    args: ['--port', '0', ...accounts.args, ...args],
  });
  const [, url = ''] = await process.line(/^simulator ready at (\S+)$/);

  return {
    url,
    process,
    env: (providers) => accounts.env(url, providers),
    async books(schema) {
      const response = await fetch(`${url}/_simulator/ledger`);
      return schema.parse(await response.json());
    },
    async control(what, body) {
      const response = await fetch(`${url}/_simulator/${what}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (response.ok) return;
      const { error } = (await response.json()) as { error: string }; // our own simulator's answer
      throw new Error(error);
    },
  };
}
