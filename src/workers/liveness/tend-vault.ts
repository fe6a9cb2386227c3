import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../config/log.ts';
import type { GenerationId } from '../../generation/ids.ts';
import type { EnqueueOwed } from '../../producers/owed-results.ts';
import { placesOf } from '../../vault/places.ts';
import type { Vault } from '../../vault/vault.ts';

const EVERY_MS = 15_000;
/** A job that comes so late is lost. */
const LATE_MS = 10_000;
const MOST_AT_ONCE = 200;
const DRAFT_LIFETIME_MS = 24 * 3_600_000;

/**
 * What nobody else does for the vault: brings back the jobs that Redis lost, removes results past
 * their retention, and drafts that a crash left. Three Redis commands at a time.
 */
export function tendVault(parts: {
  vault: Vault;
  enqueueOwed: EnqueueOwed;
  now: () => number;
  log: Logger;
}): { check(): Promise<void>; stop(): void } {
  const { vault, enqueueOwed, now, log } = parts;
  const { ledger, storage } = vault;
  let busy = false;
  let checks = 0;

  async function check(): Promise<void> {
    if (busy) return;
    busy = true;
    try {
      await enqueueOwed(await ledger.overdue(now() - LATE_MS, MOST_AT_ONCE));
      for (const id of await ledger.expired(now(), MOST_AT_ONCE)) {
        await forget(id).catch((err: unknown) => {
          // The others are removed all the same.
          log.error({ generation: id, err }, 'kept results past their retention are not removed');
        });
      }
      if (checks++ % 240 === 0) await removeDrafts(storage.draftsFolder, now() - DRAFT_LIFETIME_MS);
    } catch (err) {
      log.warn({ err }, 'vault not tended');
    } finally {
      busy = false;
    }
  }

  async function forget(id: GenerationId): Promise<void> {
    await storage.removeAll(placesOf(id));
    await ledger.forget(id);
    log.debug({ generation: id }, 'kept results are past their retention');
  }

  // What a process that is gone has left need not wait.
  void check();
  const timer = setInterval(() => void check(), EVERY_MS);
  return { check, stop: () => clearInterval(timer) };
}

async function removeDrafts(folder: string, before: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.endsWith('.draft'))) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found && found.mtimeMs < before) await rm(join(folder, name), { force: true });
  }
}
