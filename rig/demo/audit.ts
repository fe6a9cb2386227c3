import { z } from 'zod';
import type { Simulation } from '../simulation.ts';

const Ledger = z.record(z.string(), z.object({ accepted: z.array(z.unknown()) }));

/**
 * Compares the simulated providers' own books with what was asked for: one generation, at most one
 * paid submission.
 * @param asked how many generations each provider was asked for.
 * @returns how many submissions were paid beyond that.
 */
export async function auditBooks(
  simulation: Simulation,
  asked: ReadonlyMap<string, number>,
  say: (line: string) => void,
): Promise<number> {
  const ledger = await simulation.books(Ledger);
  let paidTwice = 0;
  for (const [provider, generations] of asked) {
    const paid = ledger[provider]?.accepted.length ?? 0;
    const twice = Math.max(paid - generations, 0);
    paidTwice += twice;
    const submissions = `${paid} submissions paid for ${generations} generations`;
    say(`${provider}'s books: ${submissions}, ${twice} of them twice`);
  }
  return paidTwice;
}
