import { randomBytes } from 'node:crypto';
import { providerVariable } from '../src/config/env.ts';

export const API_KEY = 'chaos-development-key';
export const NAMESPACE = 'chaos';

/** Impatient: what takes minutes with real providers takes seconds here. */
const POLLS = {
  firstAfterMs: 500,
  everyMs: 1_000,
  factor: 1,
  longestMs: 1_000,
  webhookGraceMs: 4_000,
  giveUpAfterMs: 180_000,
  maxPolls: 1_000,
};
/** From the folder in which the programs run. */
const ATELIER = './chaos/atelier/adapter.js';
const POLL_TYPES = ['image-fast', 'image-quality', 'exponential', 'video', 'audio'];
/** Loose enough that faults slow things down, and limits do not. */
const LIMITS = { SUBMITS_PER_MINUTE: '60000', CONCURRENCY: '60', POLLS_PER_SECOND: '200' };

/** What every process of the pipeline is given. Nothing of the caller's environment but PATH. */
export function pipelineEnv(options: {
  providers: readonly string[];
  redisUrl: string;
  publicUrl: string;
  /** The settings of all simulated accounts; those not asked for are left out. */
  accounts: Readonly<Record<string, string>>;
  filesFolder: string;
  heardFile: string;
}): Record<string, string> {
  const { providers } = options;
  const prefixes = providers.map((name) => providerVariable(name, ''));
  const accounts = Object.entries(options.accounts).filter(([name]) =>
    prefixes.some((prefix) => name.startsWith(prefix)),
  );
  const limits = prefixes.flatMap((prefix) =>
    Object.entries(LIMITS).map(([name, value]) => [prefix + name, value]),
  );
  return {
    PATH: process.env['PATH'] ?? '',
    REDIS_URL: options.redisUrl,
    REDIS_NAMESPACE: NAMESPACE,
    HOST: '127.0.0.1',
    ALLOW_INSECURE_URLS: 'true',
    PUBLIC_URL: options.publicUrl,
    CATWALK_SECRET: randomBytes(32).toString('base64'),
    API_KEYS: `chaos:${API_KEY}`,
    FILES_DIR: options.filesFolder,
    PROVIDER_MODULES: ATELIER,
    CHAOS_HEARD: options.heardFile,
    // By provider too: what a provider recommends comes after its model's type.
    POLL_PROFILES: JSON.stringify(
      Object.fromEntries([...POLL_TYPES, ...providers].map((key) => [key, POLLS])),
    ),
    SUBMIT_TIMEOUT_MS: '3000',
    POLL_TIMEOUT_MS: '3000',
    LEASE_MS: '5000',
    // Longer than the simulated providers need to repeat a webhook a few times.
    UNCONFIRMED_GRACE_MS: '30000',
    ...Object.fromEntries(limits),
    ...Object.fromEntries(accounts),
  };
}
