import { randomBytes } from 'node:crypto';
import { impatientSettings } from '../rig/impatient-settings.ts';
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

/** Those that the shop asks, and two more whose routes are attacked. */
export const ATTACKED_PROVIDERS = [...Object.keys(DIALECTS), 'fitroom', 'tryon-api'];
const POLLS = {
  firstAfterMs: 1_000,
  webhookGraceMs: 10_000,
  giveUpAfterMs: 180_000,
  maxPolls: 1_000,
};
/** Loose enough that what is felt is the attack's doing. */
const LIMITS = {
  SUBMITS_PER_MINUTE: '60000',
  CONCURRENCY: '60',
  POLLS_PER_SECOND: '200',
  RUNNING: '200',
};

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
    // What Redis took with it for a moment is found again soon.
    ...impatientSettings(ATTACKED_PROVIDERS, POLLS, LIMITS),
    ...accounts,
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
