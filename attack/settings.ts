import { randomBytes } from 'node:crypto';
import { providerVariable } from '../src/config/env.ts';
import { DIALECTS } from './dialects.ts';

/** Who is who, made up anew for each run. */
export interface Secrets {
  readonly catwalk: string;
  readonly shopKey: string;
  readonly malloryKey: string;
  readonly guardedKey: string;
  readonly boardUser: string;
  readonly boardPassword: string;
}

export function makeSecrets(): Secrets {
  const key = (): string => randomBytes(24).toString('hex');
  return {
    catwalk: randomBytes(32).toString('base64'),
    shopKey: key(),
    malloryKey: key(),
    guardedKey: key(),
    boardUser: 'operator',
    boardPassword: randomBytes(24).toString('base64url'),
  };
}

/** Impatient: what takes minutes with real providers takes seconds here. */
const POLLS = {
  firstAfterMs: 1_000,
  everyMs: 1_000,
  factor: 1,
  longestMs: 1_000,
  webhookGraceMs: 10_000,
  giveUpAfterMs: 180_000,
  maxPolls: 1_000,
};
const POLL_TYPES = ['image-fast', 'image-quality', 'exponential', 'video', 'audio'];
/** Loose enough that what is felt is the attack's doing. */
const LIMITS = { SUBMITS_PER_MINUTE: '60000', CONCURRENCY: '60', POLLS_PER_SECOND: '200' };

/** Production settings of a rehearsal on loopback. Nothing of the caller's environment but PATH. */
export function catwalkEnv(options: {
  secrets: Secrets;
  redisUrl: string;
  port: number;
  healthPort: number;
  publicUrl: string;
  accounts: Readonly<Record<string, string>>;
  filesFolder: string;
}): Record<string, string> {
  const { secrets, accounts } = options;
  const names = [...Object.keys(DIALECTS), 'fitroom', 'tryon-api'];
  const prefixes = names.map((name) => providerVariable(name, ''));
  const known = Object.entries(accounts).filter(([name]) =>
    prefixes.some((prefix) => name.startsWith(prefix)),
  );
  const limits = prefixes.flatMap((prefix) =>
    Object.entries(LIMITS).map(([name, value]) => [prefix + name, value]),
  );
  return {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    ALLOW_INSECURE_URLS: 'true',
    REDIS_URL: options.redisUrl,
    REDIS_NAMESPACE: 'attack',
    HOST: '127.0.0.1',
    PORT: String(options.port),
    WORKER_HEALTH_PORT: String(options.healthPort),
    PUBLIC_URL: options.publicUrl,
    CATWALK_SECRET: secrets.catwalk,
    API_KEYS: `shop:${secrets.shopKey},mallory:${secrets.malloryKey}`,
    BOARD_USER: secrets.boardUser,
    BOARD_PASSWORD: secrets.boardPassword,
    FILES_DIR: options.filesFolder,
    POLL_PROFILES: JSON.stringify(
      Object.fromEntries([...POLL_TYPES, ...names].map((key) => [key, POLLS])),
    ),
    // What Redis took with it for a moment is found again soon.
    POLL_TIMEOUT_MS: '3000',
    LEASE_MS: '5000',
    ...Object.fromEntries(limits),
    ...Object.fromEntries(known),
  };
}

/** The same for a second installation, which may call public addresses only. */
export function guardedEnv(
  env: Readonly<Record<string, string>>,
  options: { secrets: Secrets; port: number; healthPort: number },
): Record<string, string> {
  const { PUBLIC_URL: _, BOARD_PASSWORD: __, ...shared } = env;
  return {
    ...shared,
    ALLOW_INSECURE_URLS: 'false',
    REDIS_NAMESPACE: 'attack-guarded',
    PORT: String(options.port),
    WORKER_HEALTH_PORT: String(options.healthPort),
    API_KEYS: `guarded:${options.secrets.guardedKey}`,
  };
}
