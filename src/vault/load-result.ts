import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { InKeptState } from '../generation/kept-result.ts';
import { deadline } from './deadline.ts';
import { inspect } from './inspect/inspect.ts';
import { Broken } from './inspect/walk.ts';
import { NotKept } from './not-kept.ts';
import type { Coming, OpenResult } from './result-source.ts';
import type { Draft } from './storage.ts';

/**
 * Loads one result into a draft of its own, a piece at a time, and looks at it meanwhile: bounded in
 * size and time, whatever its host sends. No draft is left behind when it fails.
 */
export type LoadResult = (pending: InKeptState<'pending'>, until: AbortSignal) => Promise<Draft>;

/** @throws (from the function returned) NotKept */
export function createLoadResult(options: {
  openResult: OpenResult;
  draftsFolder: string;
  timeoutMs: number;
  maxBytes: number;
}): LoadResult {
  const { openResult, draftsFolder, timeoutMs, maxBytes } = options;
  return async (pending, until) => {
    const time = deadline(timeoutMs, until);
    const path = join(draftsFolder, `${randomUUID()}.draft`);
    try {
      const coming = await openResult(pending, time.signal);
      return await take(coming, { path, maxBytes, claimedType: pending.claimedType });
    } catch (error) {
      await rm(path, { force: true }).catch(() => {});
      throw asNotKept(error, time.isOver());
    } finally {
      time.clear();
    }
  };
}

async function take(
  { body, claimedType, claimedBytes = 0 }: Coming,
  about: { path: string; maxBytes: number; claimedType: string | undefined },
): Promise<Draft> {
  const { path, maxBytes } = about;
  let file: FileHandle | undefined;
  try {
    if (claimedBytes > maxBytes) throw tooLarge(maxBytes);
    file = await onStorage(openDraft(path));
    const hash = createHash('sha256');
    const inspection = inspect();
    let bytes = 0;
    for await (const piece of body) {
      if (!Buffer.isBuffer(piece)) throw new TypeError('a result that comes as text');
      bytes += piece.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      hash.update(piece);
      inspection.add(piece);
      await onStorage(file.appendFile(piece));
    }
    if (bytes < claimedBytes) throw new Broken('it ends too early');
    const { contentType } = inspection.end([claimedType, about.claimedType]);
    return { path, bytes, sha256: hash.digest('hex'), contentType };
  } finally {
    body.on('error', () => {});
    body.destroy();
    await file?.close();
  }
}

async function openDraft(path: string): Promise<FileHandle> {
  await mkdir(join(path, '..'), { recursive: true });
  return open(path, 'wx');
}

/** Whose fault it was decides how long it is tried again. */
function onStorage<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw new NotKept('storage_failed', 'a draft could not be written', { cause });
  });
}

function tooLarge(maxBytes: number): NotKept {
  return new NotKept('too_large', `it has more than ${maxBytes} bytes`);
}

function asNotKept(error: unknown, isOver: boolean): NotKept {
  if (error instanceof NotKept && !isOver) return error;
  if (error instanceof Broken) return new NotKept('unreadable', error.message);
  if (isOver) return new NotKept('link_timeout', 'it did not come in time', { cause: error });
  return new NotKept('link_unreachable', 'it stopped coming', { cause: error });
}
