import { z } from 'zod';
import { simulatedAccounts } from '../rig/environment.ts';
import { createProgram, type Program } from '../rig/program.ts';
import type { OutageAnswer } from '../simulator/index.ts';
import { ATELIER_SECRET } from './atelier/dialect.ts';
import { untilReady } from './pipeline.ts';

/** What the audit reads of the simulator's own books. */
const Accepted = z.object({
  taskId: z.string(),
  marker: z.string().nullable(),
  isPaid: z.boolean(),
  finalStatus: z.string().nullable(),
  webhookAttempts: z.array(z.object({ kind: z.string(), answeredStatus: z.number().nullable() })),
});
const Books = z.record(z.string(), z.object({ accepted: z.array(Accepted) }));
export type Books = z.infer<typeof Books>;

export interface SimulatedProviders {
  readonly program: Program;
  readonly picturesUrl: string;
  /** Settings that point every provider here. */
  readonly accounts: Record<string, string>;
  books(): Promise<Books>;
  /** From now on the provider answers every call so. It accepts nothing. */
  breakDown(provider: string, answer: OutageAnswer, forMs: number): Promise<void>;
}

/** Tasks take 0.2 to 1.5 s, and webhooks are repeated after a tenth of the documented waits. */
const PACE = ['--time-scale', '0.1', '--latency', '2000-15000'];

/** Starts the simulator, compiled, as a process of its own. Resolves when it answers. */
export async function startSimulatedProviders(at: {
  port: number;
  publicUrl: string;
  folder: string;
  logs: string;
  seed: number;
}): Promise<SimulatedProviders> {
  const url = `http://127.0.0.1:${at.port}`;
  const accounts = simulatedAccounts(at.publicUrl);
  const program = createProgram({
    ...at,
    name: 'simulator',
    program: 'chaos/simulator',
    env: { PATH: process.env['PATH'] ?? '' },
    args: [
      ...['--port', String(at.port), '--seed', String(at.seed), '--quiet'],
      ...PACE,
      ...accounts.args,
    ],
  });
  program.start();
  await untilReady(`${url}/_simulator/scenarios`);
  return {
    program,
    picturesUrl: `${url}/assets`,
    accounts: {
      ...accounts.env(url),
      ATELIER_API_KEY: 'atelier-simulated',
      ATELIER_BASE_URL: `${url}/atelier`,
      ATELIER_WEBHOOK_SECRET: ATELIER_SECRET,
    },
    async books() {
      const response = await fetch(`${url}/_simulator/ledger`);
      return Books.parse(await response.json());
    },
    async breakDown(provider, answer, forMs) {
      const response = await fetch(`${url}/_simulator/outage`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ provider, answer, seconds: forMs / 1000 }),
      });
      if (!response.ok) throw new Error(`The simulator answered ${response.status}`);
    },
  };
}
