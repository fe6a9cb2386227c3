import type { Completed, Generation, Result } from '../generation/generation.ts';
import {
  type KeptState,
  linkDiesAt,
  type ShownResult,
  type ShowResults,
  withDeath,
} from '../generation/kept-result.ts';
import type { ResultLinks } from './links.ts';

type File = Extract<Result, { kind: 'file' }>;

/**
 * The results as they are told and shown: what the provider said, and where each is kept. Without
 * states, as in an event that does not wait, all are pending.
 */
export function createShowResults(parts: {
  links: ResultLinks;
  lifetimeOf: (generation: Generation) => number | undefined;
}): ShowResults {
  const { links, lifetimeOf } = parts;

  function shown(g: Completed, index: number, result: File, state?: KeptState): ShownResult {
    const file = withDeath(result, linkDiesAt(g, result, lifetimeOf(g)));
    const kept = state?.state ?? 'pending';
    if (kept === 'erased') return { ...file, kept };
    const keptUrl = links.linkTo({ id: g.id, index });
    if (state?.state === 'lost') return { ...file, kept: 'lost', lostBecause: state.why };
    if (state?.state !== 'kept') return { ...file, kept: 'pending', keptUrl };
    const { sha256, bytes, contentType } = state;
    return { ...file, kept: 'kept', keptUrl, sha256, bytes, contentType };
  }

  return (g, states) => {
    if (g.state !== 'completed') return [];
    return g.results.map((result, index) =>
      result.kind === 'data' ? result : shown(g, index, result, states?.get(index)),
    );
  };
}
