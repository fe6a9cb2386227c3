import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { Cleanup } from '../rig/cleanup.ts';
import { startChild } from '../rig/compiled-child.ts';
import { simulatedAccounts } from '../rig/environment.ts';
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
  /** Settings that point every provider here. */
  readonly accounts: Record<string, string>;
  readonly signingSecrets: Record<string, string>;
  books(): Promise<Books>;
  /** What was submitted for the shop lately: what is not finished yet, and the ids of all. */
  lately(): Promise<{ underWay: UnderWay[]; shopIds: string[] }>;
}

const START_MS = 30_000;
const MOST_LATELY = 30;

/** The simulator, compiled, as a process of its own. Resolves when it answers. */
export async function startProviders(
  at: { port: number; publicUrl: string; folder: string; seed: number },
  cleanup: Cleanup,
): Promise<SimulatedProviders> {
  const url = `http://127.0.0.1:${at.port}`;
  const accounts = simulatedAccounts(at.publicUrl);
  const env = accounts.env(url);
  // fal's keys are made from any text; one of this run's own.
  const falSecret = randomBytes(16).toString('hex');
  const child = startChild('simulator/main', {
    folder: at.folder,
    env: { PATH: process.env['PATH'] ?? '' },
    args: [
      ...['--port', String(at.port), '--seed', String(at.seed), '--quiet'],
      ...['--latency', '500-1500', '--secret', `fal=${falSecret}`],
      ...accounts.args,
    ],
  });
  cleanup.add(child.stop);
  const books = async (): Promise<Books> => {
    const response = await fetch(`${url}/_simulator/ledger`);
    return Books.parse(await response.json());
  };
  const signingSecrets = SIGNED.map((name) => [
    name,
    env[providerVariable(name, 'WEBHOOK_SECRET')] ?? falSecret,
  ]);
  await untilAnswered(books, child.failed);
  return {
    picturesUrl: `${url}/assets`,
    accounts: env,
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

async function untilAnswered(ask: () => Promise<unknown>, failed: Promise<never>): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    const isUp = await ask().then(
      () => true,
      () => false,
    );
    if (isUp) return;
    await Promise.race([wait(50), failed]);
  }
  throw new Error(`The simulator did not answer within ${START_MS / 1000} s`);
}
