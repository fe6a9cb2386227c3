import { randomBytes } from 'node:crypto';
import { impatientSettings } from '../rig/impatient-settings.ts';
import { ATELIER_SECRET } from './atelier/dialect.ts';
import { apiKeyOf, TENANTS } from './tenants.ts';

export const NAMESPACE = 'chaos';

const POLLS = {
  firstAfterMs: 500,
  webhookGraceMs: 4_000,
  // Shorter than the minute that a late truth takes at this pace, and then some of its last check.
  giveUpAfterMs: 45_000,
  lastCheckAfterMs: 30_000,
  maxPolls: 1_000,
};
/** From the folder in which the programs run. */
const ATELIER = './chaos/atelier/adapter.js';
/** Loose enough that faults slow things down, and limits do not. */
const LIMITS = {
  SUBMITS_PER_MINUTE: '60000',
  // As few as real providers are sent to at once: what an outage finds in flight is undecidable.
  CONCURRENCY: '12',
  POLLS_PER_SECOND: '200',
  RUNNING: '200',
};

/** What every process of the pipeline is given. Nothing of the caller's environment but PATH. */
export function pipelineEnv(options: {
  providers: readonly string[];
  redisUrl: string;
  publicUrl: string;
  /** What points the providers at the simulator. */
  accounts: Readonly<Record<string, string>>;
  filesFolder: string;
  vaultFolder: string;
  heardFile: string;
}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    REDIS_URL: options.redisUrl,
    REDIS_NAMESPACE: NAMESPACE,
    HOST: '127.0.0.1',
    ALLOW_INSECURE_URLS: 'true',
    PUBLIC_URL: options.publicUrl,
    CATWALK_SECRET: randomBytes(32).toString('base64'),
    API_KEYS: TENANTS.map((tenant) => `${tenant}:${apiKeyOf(tenant)}`).join(','),
    FILES_DIR: options.filesFolder,
    VAULT_DIR: options.vaultFolder,
    PROVIDER_MODULES: ATELIER,
    CHAOS_HEARD: options.heardFile,
    ...impatientSettings(options.providers, POLLS, LIMITS),
    SUBMIT_TIMEOUT_MS: '3000',
    // Longer than the simulated providers need to repeat a webhook a few times.
    UNCONFIRMED_GRACE_MS: '30000',
    ...options.accounts,
    ATELIER_WEBHOOK_SECRET: ATELIER_SECRET,
  };
}
