import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import type { GenerationId } from '../generation/ids.ts';
import type { KeptState } from '../generation/kept-result.ts';
import { OWN_FILE_NAME } from '../generation/own-file.ts';
import { makerAt, type OwnSecrets } from '../outbound/derived-keys.ts';
import { signErasure } from '../outbound/signature.ts';
import type { KeptResults } from '../store/kept-ledger.ts';
import { placesOf } from './places.ts';
import type { Vault } from './vault.ts';

/** What was erased, and when: to be kept by whoever asked for it. */
interface ErasureProof {
  readonly type: 'catwalk.erasure';
  readonly id: string;
  readonly generationId: GenerationId;
  readonly tenant: string;
  /** ISO 8601. */
  readonly erasedAt: string;
  readonly results: readonly ErasedResult[];
  /** Files that were there, and are not any more. */
  readonly filesRemoved: number;
  /** Hex HMAC-SHA256 of the JSON of all the rest; see docs/results.md. */
  readonly signature: string;
}

interface ErasedResult {
  readonly index: number;
  readonly was: KeptState['state'];
  readonly sha256?: string;
  readonly bytes?: number;
  readonly contentType?: string;
}

export type EraseResults = (
  id: GenerationId,
  /** Whose it must be. */
  tenant?: string,
) => Promise<ErasureProof | undefined>;

/**
 * Erases what is kept of a generation, now and for ever: the ledger says so first, so that a copy
 * under way is removed as well. May be repeated. Undefined when nothing is noted of it, or it is
 * another tenant's. @throws when a file could not be removed: then nothing is proven, and it is to be
 * asked for again.
 */
export function createEraseResults(parts: {
  vault: Pick<Vault, 'ledger' | 'storage'>;
  filesFolder: string;
  secrets: OwnSecrets;
  now: () => number;
}): EraseResults {
  const { vault, filesFolder, secrets, now } = parts;
  return async (id, tenant) => {
    const known = await vault.ledger.read(id);
    if (!known || (tenant !== undefined && known.tenant !== tenant)) return undefined;
    const before = (await vault.ledger.erase(id, now())) ?? known;
    const filesRemoved = await vault.storage.removeAll(placesOf(id));
    const ownRemoved = await removeOwn(before, filesFolder);
    const erasedAt = now();
    const proof = {
      type: 'catwalk.erasure' as const,
      id: `era_${ulid(erasedAt)}`,
      generationId: id,
      tenant: before.tenant,
      erasedAt: new Date(erasedAt).toISOString(),
      results: [...before.states].map(([index, state]) => erased(index, state)),
      filesRemoved: filesRemoved + ownRemoved,
    };
    const secret = makerAt(secrets, erasedAt) ?? '';
    return { ...proof, signature: signErasure(secret, JSON.stringify(proof)) };
  };
}

/** What the provider sent as bytes lies in our own folder as well. */
async function removeOwn({ states }: KeptResults, folder: string): Promise<number> {
  let removed = 0;
  for (const state of states.values()) {
    const name = 'ownFile' in state ? state.ownFile : undefined;
    if (!name || !OWN_FILE_NAME.test(name)) continue;
    const wasThere = await rm(join(folder, name)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
    if (wasThere) removed += 1;
  }
  return removed;
}

function erased(index: number, state: KeptState): ErasedResult {
  if (state.state !== 'kept') return { index, was: state.state };
  const { sha256, bytes, contentType } = state;
  return { index, was: 'kept', sha256, bytes, contentType };
}
