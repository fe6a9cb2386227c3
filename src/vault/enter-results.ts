import type { Completed } from '../generation/generation.ts';
import { type InKeptState, linkDiesAt } from '../generation/kept-result.ts';
import { ownFileIn } from '../generation/own-file.ts';
import type { KeptResults } from '../store/kept-ledger.ts';
import type { Vault } from './vault.ts';

/** What a provider says of its links is not believed for longer: somebody may wait for the end. */
const LONGEST_TRIED_MS = 7 * 24 * 3_600_000;
/** ASSUMPTION: a link of which nobody says when it dies is worth trying for a day. */
const UNKNOWN_LIFETIME_MS = 24 * 3_600_000;

/**
 * Notes what is to be kept of a completed generation; once, however often it is called. What the
 * ledger says of it then; undefined when it has no files. One round trip.
 */
export async function enterResults(
  { ledger, lifetimeOf, retentionMs }: Pick<Vault, 'ledger' | 'lifetimeOf' | 'retentionMs'>,
  generation: Completed,
  ownAddress: string,
): Promise<KeptResults | undefined> {
  const { id, tenant, finishedAt, results } = generation;
  const pending = results.flatMap((result, index): [number, InKeptState<'pending'>][] => {
    if (result.kind !== 'file') return [];
    const expiresAt = linkDiesAt(generation, result, lifetimeOf(generation));
    const ownFile = ownFileIn(result.url, ownAddress);
    return [
      [
        index,
        {
          state: 'pending',
          url: result.url,
          since: finishedAt,
          tryUntil: Math.min(
            expiresAt ?? finishedAt + UNKNOWN_LIFETIME_MS,
            finishedAt + Math.min(LONGEST_TRIED_MS, retentionMs),
          ),
          ...(result.contentType !== undefined && { claimedType: result.contentType }),
          ...(expiresAt !== undefined && { expiresAt }),
          ...(ownFile !== undefined && { ownFile }),
        },
      ],
    ];
  });
  if (pending.length === 0) return undefined;
  const waits = generation.keptResults === true;
  const until = finishedAt + retentionMs;
  return ledger.enter({ id, tenant, until, waits, results: new Map(pending) });
}

/** The moment after which nothing of it is tried any more, and nobody has to wait for it. */
export function waitsUntil({ states }: KeptResults): number | undefined {
  const pending = [...states.values()].filter((one) => one.state === 'pending');
  return pending.length === 0 ? undefined : Math.max(...pending.map(({ tryUntil }) => tryUntil));
}
