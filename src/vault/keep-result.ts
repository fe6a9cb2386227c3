import { rm } from 'node:fs/promises';
import type { InKeptState, KeptState } from '../generation/kept-result.ts';
import type { Owed } from '../store/kept-ledger.ts';
import { deadline } from './deadline.ts';
import type { LoadResult } from './load-result.ts';
import { NotKept } from './not-kept.ts';
import { placeOf, placesOf } from './places.ts';
import type { Draft } from './storage.ts';
import type { Vault } from './vault.ts';

/** What came of one try; `again`: Unix ms of the next one. */
export type Tried =
  | { readonly kind: 'kept'; readonly bytes: number; readonly isLast: boolean }
  | { readonly kind: 'lost'; readonly why: NotKept; readonly isLast: boolean }
  | { readonly kind: 'again'; readonly at: number; readonly why: NotKept }
  /** There is nothing to keep (any more). */
  | { readonly kind: 'moot' };

/** While the storage fails, a link that should be dead is tried for so long: it may live all the same. */
const STORAGE_PATIENCE_MS = 24 * 3_600_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 600_000;

interface Parts {
  readonly vault: Vault;
  readonly load: LoadResult;
  readonly storeTimeoutMs: number;
  /** Ends when this process, which was told to stop, waits for no answer any longer. */
  readonly until: AbortSignal;
  readonly now: () => number;
}

/**
 * One try at keeping one result: load, look, store, note. May run twice for the same result; nothing
 * is then kept twice, and nothing that was erased meanwhile stays.
 * @throws what Redis throws; a later try finds out what became of this one.
 */
export function createKeepResult(parts: Parts): (owed: Owed) => Promise<Tried> {
  const { ledger, storage } = parts.vault;
  return async (owed) => {
    const state = (await ledger.read(owed.id))?.states.get(owed.index);
    if (state?.state !== 'pending') {
      if (state?.state === 'erased') await storage.removeAll(placesOf(owed.id));
      await ledger.settle(owed, undefined);
      return { kind: 'moot' };
    }
    try {
      return await note(parts, owed, await copy(parts, owed, state));
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      return failed(parts, owed, state, error);
    }
  };
}

async function copy(
  parts: Parts,
  owed: Owed,
  pending: InKeptState<'pending'>,
): Promise<InKeptState<'kept'>> {
  const draft = await parts.load(pending, parts.until);
  const place = placeOf(owed, draft.sha256);
  try {
    await store(parts, draft, place);
  } finally {
    await rm(draft.path, { force: true });
  }
  const { sha256, bytes, contentType } = draft;
  const marks = { place, keptAt: parts.now(), sha256, bytes, contentType };
  return { state: 'kept', ...marks, ...lasting(pending) };
}

async function store({ vault, storeTimeoutMs, until }: Parts, draft: Draft, place: string) {
  const time = deadline(storeTimeoutMs, until);
  try {
    await vault.storage.store(draft, place, time.signal);
  } catch (cause) {
    throw new NotKept('storage_failed', 'the storage did not take it', { cause });
  } finally {
    time.clear();
  }
}

async function note(
  { vault: { ledger, storage } }: Parts,
  owed: Owed,
  kept: InKeptState<'kept'>,
): Promise<Tried> {
  const { written, pending, waits } = await ledger.settle(owed, kept);
  if (written) return { kind: 'kept', bytes: kept.bytes, isLast: waits && pending === 0 };
  // Erased meanwhile, or another has kept it: then perhaps in this very place.
  const other = (await ledger.read(owed.id))?.states.get(owed.index);
  if (!isIn(other, kept.place)) await storage.remove(kept.place);
  await ledger.settle(owed, undefined);
  return { kind: 'moot' };
}

async function failed(
  { vault: { ledger }, until, now }: Parts,
  owed: Owed,
  pending: InKeptState<'pending'>,
  why: NotKept,
): Promise<Tried> {
  const time = now();
  const { since, tryUntil } = pending;
  const patience = why.why === 'storage_failed' ? STORAGE_PATIENCE_MS : 0;
  // A process that stops says nothing of the link.
  if (!until.aborted && (why.isFinal || time >= tryUntil + patience)) {
    const lost: KeptState = { state: 'lost', why: why.why, lostAt: time, ...lasting(pending) };
    const { pending: left, waits } = await ledger.settle(owed, lost);
    return { kind: 'lost', why, isLast: waits && left === 0 };
  }
  const at = until.aborted ? time : nextTry(time, since, tryUntil);
  await ledger.putBack(owed, at);
  return { kind: 'again', at, why };
}

/** What stays true of a result, whatever becomes of it. */
function lasting({ expiresAt, ownFile }: InKeptState<'pending'>) {
  return {
    ...(expiresAt !== undefined && { expiresAt }),
    ...(ownFile !== undefined && { ownFile }),
  };
}

/** A quarter of its age later, never long; and once more at the very end. */
function nextTry(now: number, since: number, tryUntil: number): number {
  const usual = Math.max((now - since) / 4, FIRST_WAIT_MS) * (0.8 + 0.4 * Math.random());
  const next = now + Math.min(usual, LONGEST_WAIT_MS);
  return Math.round(now < tryUntil ? Math.min(next, tryUntil) : next);
}

function isIn(state: KeptState | undefined, place: string): boolean {
  return state?.state === 'kept' && state.place === place;
}
