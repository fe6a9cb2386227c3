import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Cleanup } from '../rig/cleanup.ts';
import { startSimulation } from '../rig/simulation.ts';
import { providerVariable } from '../src/config/env.ts';
import { SIGNED } from './dialects.ts';
import type { UnderWay } from './messages.ts';

const Accepted = z.object({
  taskId: z.string(),
  marker: z.string().nullable(),
  isPaid: z.boolean(),
  webhookUrl: z.string().nullable(),
  acceptedAtMs: z.number(),
  doneAtMs: z.number().nullable(),
  finalStatus: z.string().nullable(),
});
const Books = z.record(z.string(), z.object({ accepted: z.array(Accepted) }));
export type Books = z.infer<typeof Books>;

export interface SimulatedProviders {
  readonly picturesUrl: string;
  /** Settings that point these providers here. */
  accounts(names: readonly string[]): Record<string, string>;
  readonly signingSecrets: Record<string, string>;
  books(): Promise<Books>;
  /** What was submitted for the shop lately: what is not finished yet, and the ids of all. */
  lately(): Promise<{ underWay: UnderWay[]; shopIds: string[] }>;
}

const MOST_LATELY = 30;

/** The simulator, compiled, as a process of its own. Resolves when it answers. */
export async function startProviders(
  at: { publicUrl: string; folder: string; seed: number },
  cleanup: Cleanup,
): Promise<SimulatedProviders> {
  // fal's keys are made from any text; one of this run's own.
  const falSecret = randomBytes(16).toString('hex');
  const simulation = await startSimulation({
    ...{ folder: at.folder, publicUrl: at.publicUrl, env: { PATH: process.env['PATH'] } },
    args: [
      ...['--seed', String(at.seed), '--quiet'],
      ...['--latency', '500-1500', '--secret', `fal=${falSecret}`],
    ],
  });
  cleanup.add(() => simulation.process.stop());
  const books = (): Promise<Books> => simulation.books(Books);
  const env = simulation.env(SIGNED);
  const signingSecrets = SIGNED.map((name) => [
    name,
    env[providerVariable(name, 'WEBHOOK_SECRET')] ?? falSecret,
  ]);
  return {
    picturesUrl: `${simulation.url}/assets`,
    accounts: simulation.env,
    signingSecrets: Object.fromEntries(signingSecrets),
    books,
    async lately() {
      const ofShop = Object.entries(await books()).flatMap(([provider, { accepted }]) =>
        accepted.flatMap(({ marker, webhookUrl, taskId, doneAtMs }) =>
          marker?.startsWith('real-') && webhookUrl
            ? [{ provider, taskId, path: new URL(webhookUrl).pathname, isDone: doneAtMs !== null }]
            : [],
        ),
      );
      const underWay = ofShop.filter(({ isDone }) => !isDone);
      // An account-wide URL names no generation.
      const ids = ofShop.flatMap(({ path }) => path.split('/')[3] ?? []);
      return { underWay: underWay.slice(-MOST_LATELY), shopIds: ids.slice(-MOST_LATELY) };
    },
  };
}
