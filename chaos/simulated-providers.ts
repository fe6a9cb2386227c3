import { z } from 'zod';
import { freePort, simulatedAccounts } from '../src/dev/environment.ts';
import { untilReady } from './pipeline.ts';
import { createProgram, type Program } from './program.ts';

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
}

/** Tasks take 0.2 to 1.5 s, and webhooks are repeated after a tenth of the documented waits. */
const PACE = ['--time-scale', '0.1', '--latency', '2000-15000'];

/** Starts the simulator, compiled, as a process of its own. Resolves when it answers. */
export async function startSimulatedProviders(at: {
  publicUrl: string;
  folder: string;
  logs: string;
  seed: number;
}): Promise<SimulatedProviders> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const accounts = simulatedAccounts(at.publicUrl);
  const program = createProgram({
    ...at,
    name: 'simulator',
    program: 'src/simulator/main',
    env: { PATH: process.env['PATH'] ?? '' },
    args: [
      ...['--port', String(port), '--seed', String(at.seed), '--quiet'],
      ...PACE,
      ...accounts.args,
    ],
  });
  program.start();
  await untilReady(`${url}/_simulator/scenarios`);
  return {
    program,
    picturesUrl: `${url}/assets`,
    accounts: accounts.env(url),
    async books() {
      const response = await fetch(`${url}/_simulator/ledger`);
      return Books.parse(await response.json());
    },
  };
}
