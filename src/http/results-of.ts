import type { Generation } from '../generation/generation.ts';
import { type ShownResult, type ShowResults, shownUnkept } from '../generation/kept-result.ts';
import { asCompleted } from '../generation/late-result.ts';
import type { Vault } from '../vault/vault.ts';
import { needingRedis } from './unavailable.ts';

/** The results of a generation as they are now: one Redis command where a vault may have them. */
export function createResultsOf(parts: {
  vault: Pick<Vault, 'ledger' | 'lifetimeOf'> | undefined;
  showResults: ShowResults;
}): (generation: Generation) => Promise<readonly ShownResult[]> {
  const { vault, showResults } = parts;
  return async (record) => {
    const generation = asCompleted(record) ?? record;
    const hasFiles =
      generation.state === 'completed' && generation.results.some(({ kind }) => kind === 'file');
    if (!vault || !hasFiles) return showResults(generation);
    const kept = await needingRedis(vault.ledger.read(generation.id));
    // Completed while there was no vault: nobody will keep them. Else they are about to be noted.
    const isUnkept = !kept && generation.dueAt === undefined;
    if (isUnkept) return shownUnkept(generation, vault.lifetimeOf(generation));
    return showResults(generation, kept?.states);
  };
}
