import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.ts';
import type { Generation } from '../generation/generation.ts';
import type { ShowResults } from '../generation/kept-result.ts';
import { createKeptLedger, type KeptLedger } from '../store/kept-ledger.ts';
import type { Keys } from '../store/keys.ts';
import { createFolderStorage } from './folder-storage.ts';
import { createResultLinks, type ResultLinks } from './links.ts';
import { createS3Storage } from './s3-storage.ts';
import { createShowResults } from './show-results.ts';
import type { Storage } from './storage.ts';

/** Keeps results before their links die: what is owed, where files lie, and our links to them. */
export interface Vault {
  readonly ledger: KeptLedger;
  readonly storage: Storage;
  readonly links: ResultLinks;
  readonly show: ShowResults;
  /** From the end of the generation. */
  readonly retentionMs: number;
  /** How long a result's link lives by the provider's documents; undefined when nobody says. */
  readonly lifetimeOf: (generation: Generation) => number | undefined;
}

type VaultSettings = Pick<
  Settings,
  | 'VAULT_DIR'
  | 'VAULT_S3_BUCKET'
  | 'VAULT_S3_ENDPOINT'
  | 'VAULT_S3_REGION'
  | 'VAULT_S3_PATH_STYLE'
  | 'VAULT_S3_ACCESS_KEY_ID'
  | 'VAULT_S3_SECRET_ACCESS_KEY'
  | 'VAULT_RETENTION_MS'
  | 'CATWALK_SECRET'
  | 'CATWALK_SECRET_FROM'
  | 'PUBLIC_URL'
>;

/** The vault of the settings; undefined where they name neither folder nor bucket. Opens nothing. */
export function createVault(parts: {
  settings: VaultSettings;
  redis: Redis;
  keys: Keys;
  lifetimeOf: Vault['lifetimeOf'];
}): Vault | undefined {
  const { settings, lifetimeOf } = parts;
  const storage = storageOf(settings);
  if (!storage) return undefined;
  const links = createResultLinks(settings, settings.PUBLIC_URL);
  return {
    ledger: createKeptLedger(parts),
    storage,
    links,
    show: createShowResults({ links, lifetimeOf }),
    retentionMs: settings.VAULT_RETENTION_MS,
    lifetimeOf,
  };
}

function storageOf(settings: VaultSettings): Storage | undefined {
  const { VAULT_DIR: folder, VAULT_S3_BUCKET: bucket } = settings;
  if (!bucket) return folder === undefined ? undefined : createFolderStorage(folder);
  return createS3Storage({
    bucket,
    endpoint: settings.VAULT_S3_ENDPOINT,
    region: settings.VAULT_S3_REGION,
    pathStyle: settings.VAULT_S3_PATH_STYLE,
    accessKeyId: settings.VAULT_S3_ACCESS_KEY_ID,
    secretAccessKey: settings.VAULT_S3_SECRET_ACCESS_KEY,
    draftsFolder: folder ?? join(tmpdir(), 'catwalk-drafts'),
  });
}
