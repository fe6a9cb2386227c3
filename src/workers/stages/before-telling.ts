import type { Core } from '../../core.ts';
import type { FinalGeneration } from '../../generation/generation.ts';
import { ownAddress } from '../../generation/own-file.ts';
import { createEnqueueOwed } from '../../producers/owed-results.ts';
import type { KeptResults } from '../../store/kept-ledger.ts';
import { enterResults, waitsUntil } from '../../vault/enter-results.ts';
import type { BeforeTelling, Tellable } from '../engine/before-telling.ts';

/** So long after the last link has died a completion still waits for the verdict on it. */
const GRACE_MS = 600_000;

/**
 * Enters the results of completed generations in the vault's ledger, so that none is told of, and
 * none leaves the schedule, that would then be forgotten. Where the app asked for kept results, its
 * completion waits while any is pending; never for longer than their links live, and a little.
 */
export function createBeforeTelling(
  core: Pick<Core, 'vault' | 'settings' | 'queues' | 'now' | 'showResults'>,
): BeforeTelling {
  const { vault, now, showResults } = core;
  if (!vault) {
    return async (finished) =>
      finished.map((generation) => ({ generation, results: showResults(generation) }));
  }
  const keeping = vault;
  const address = ownAddress(core.settings);
  const enqueueOwed = createEnqueueOwed(core.queues);

  async function beforeOne(generation: FinalGeneration): Promise<Tellable[]> {
    const kept =
      generation.state === 'completed'
        ? await enterResults(keeping, generation, address)
        : undefined;
    if (!kept) return [{ generation, results: showResults(generation) }];
    await enqueueOwed(owedOf(generation, kept));
    const until = kept.waits ? waitsUntil(kept) : undefined;
    if (until !== undefined && now() < until + GRACE_MS) return [];
    // Who does not wait is always told the same: pending.
    const states = kept.waits ? kept.states : undefined;
    return [{ generation, results: showResults(generation, states) }];
  }

  return async (finished) => (await Promise.all(finished.map(beforeOne))).flat();
}

function owedOf({ id }: FinalGeneration, { states }: KeptResults) {
  return [...states].flatMap(([index, state]) =>
    state.state === 'pending' ? [{ id, index, tryUntil: state.tryUntil }] : [],
  );
}
