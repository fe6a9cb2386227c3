import type { Dispatcher } from 'undici';
import { queueNames } from '../../config/queues.ts';
import { VaultJob } from '../../generation/jobs.ts';
import { userAgentOf } from '../../outbound/user-agent.ts';
import { createKeepResult } from '../../vault/keep-result.ts';
import { createLoadResult } from '../../vault/load-result.ts';
import { createResultSource } from '../../vault/result-source.ts';
import type { Vault } from '../../vault/vault.ts';
import type { Stage } from '../engine/stage.ts';
import type { WorkerParts } from '../parts.ts';
import { createKeep } from './keep.ts';
import { longest } from './longest.ts';

/** For looking, hashing and Redis, besides loading and storing. */
const MARGIN_MS = 30_000;
/** Renewed for as long as the copy takes: what a worker died with is another's so soon. */
const LEASE_MS = 20_000;

/**
 * Copies results into the vault.
 * @param dispatcher for links from outside: it refuses private addresses where the settings do.
 */
export function keepStage(
  vault: Vault,
  parts: WorkerParts,
  dispatcher: Dispatcher,
): Stage<VaultJob> {
  const { settings, shutdownSignal: until, now } = parts;
  const timeoutMs = settings.VAULT_TIMEOUT_MS;
  const openResult = createResultSource({
    dispatcher,
    policy: { allowInsecure: settings.ALLOW_INSECURE_URLS },
    filesFolder: settings.FILES_DIR,
    userAgent: userAgentOf(settings),
  });
  const load = createLoadResult({
    openResult,
    draftsFolder: vault.storage.draftsFolder,
    timeoutMs,
    maxBytes: settings.VAULT_MAX_BYTES,
  });
  const keepResult = createKeepResult({ vault, load, storeTimeoutMs: timeoutMs, until, now });
  return {
    queue: queueNames.vault,
    payload: VaultJob,
    process: createKeep({ ...parts, vault, keepResult, leaseMs: LEASE_MS }),
    concurrency: settings.VAULT_CONCURRENCY,
    longestMs: longest.keepMs(2 * timeoutMs + MARGIN_MS),
    waitsForRedis: true,
  };
}
