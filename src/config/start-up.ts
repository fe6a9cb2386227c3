import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { PROVIDER_NAMES, providerVariable } from './env.ts';
import type { Logger } from './log.ts';
import { checkRedis, type RedisFindings } from './redis-check.ts';
import { InvalidSettings, MISSING_SECRET, readSettings, type Settings } from './settings.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The settings of a process that cannot start its own Redis.
 * @param needs.secret false for a process that signs nothing and checks no signature.
 * @throws InvalidSettings naming every variable that is wrong or missing.
 */
export function readProcessSettings(
  env: Env,
  needs: { apiKeys: boolean; secret?: false; providerNames?: Iterable<string> },
): Settings & { REDIS_URL: string } {
  const isSet = (name: string): boolean => /[^\s,]/.test(env[name] ?? '');
  const missing: string[] = [];
  const redisMissing = 'REDIS_URL: is required, for example redis://127.0.0.1:6379';
  if (!isSet('REDIS_URL')) missing.push(redisMissing);
  if (needs.secret !== false && !isSet('CATWALK_SECRET')) missing.push(MISSING_SECRET);
  if (needs.apiKeys && !isSet('API_KEYS') && !isSet('TENANTS_FILE')) {
    missing.push(
      'API_KEYS: is required where no TENANTS_FILE is set, for example my-shop:a-long-random-key',
    );
  }
  const names = [...(needs.providerNames ?? PROVIDER_NAMES)];
  const switches = names.map((name) => providerVariable(name, 'API_KEY'));
  if (!switches.some(isSet)) {
    missing.push(`no provider is switched on: set at least one of ${switches.join(', ')}`);
  }
  const settings = readSettings(env, names, missing);
  if (!settings.REDIS_URL) throw new InvalidSettings([redisMissing]);
  return { ...settings, REDIS_URL: settings.REDIS_URL };
}

/** What must be said before giving up, without a stack trace: it is about settings, not code. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

/** What a look at Redis has found: it must not be trusted, and no waiting mends that. */
export class UnfitRedis extends CannotStart {}

const CHECK_AGAIN_MS = 250;

/**
 * Waits for Redis and checks it. One that is slow, or gone again in the middle, is looked at again:
 * that says nothing of whether it may be trusted.
 * @param patienceMs how long to wait for it; for ever when left out.
 * @throws UnfitRedis when it must not be trusted; CannotStart when it does not answer in time.
 */
export async function requireRedis(redis: Redis, log: Logger, patienceMs?: number): Promise<void> {
  const until = performance.now() + (patienceMs ?? Number.POSITIVE_INFINITY);
  const { fatal, warnings } = await look(redis, until);
  for (const warning of warnings) log.warn(warning);
  if (fatal.length > 0) throw new UnfitRedis(fatal.join('\n'));
}

/** After so long without Redis a process that goes on waiting says so. */
const SAY_AFTER_MS = 5_000;

/**
 * For whatever stays: waits for Redis for as long as it takes, and says so once. Being slow or away
 * is no finding, and ends nothing.
 * @throws UnfitRedis when it must not be trusted; CannotStart when the connection was ended meanwhile.
 */
export async function awaitRedis(redis: Redis, log: Logger): Promise<void> {
  await requireRedis(redis, log, SAY_AFTER_MS).catch((error: unknown) => {
    if (error instanceof UnfitRedis || redis.status === 'end') throw error;
    log.error({ err: error }, 'waiting for Redis');
    return requireRedis(redis, log);
  });
}

async function look(redis: Redis, until: number): Promise<RedisFindings> {
  for (;;) {
    await ready(redis, until);
    try {
      return await checkRedis(redis, Date.now);
    } catch (error) {
      if (performance.now() >= until) throw unusable(error);
      await pause(CHECK_AGAIN_MS);
    }
  }
}

/** @param until by `performance.now()`; may be infinite. */
function ready(redis: Redis, until: number): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  if (redis.status === 'end')
    return Promise.reject(unusable(new Error('the connection was ended')));
  return new Promise((resolve, reject) => {
    let lastError: Error | undefined;
    const leftMs = Math.max(until - performance.now(), 0);
    const timer = Number.isFinite(leftMs) ? setTimeout(onTooLate, leftMs) : undefined;
    redis.once('ready', onReady);
    redis.once('end', onTooLate);
    redis.on('error', onError);

    function settle(): void {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('end', onTooLate);
      redis.off('error', onError);
    }
    function onReady(): void {
      settle();
      resolve();
    }
    function onTooLate(): void {
      settle();
      reject(unusable(lastError));
    }
    function onError(error: Error): void {
      lastError = error;
    }
  });
}

function unusable(error: unknown): CannotStart {
  const why = error instanceof Error ? ` (${error.message})` : '';
  const advice = 'check REDIS_URL, its password, and that Redis is running';
  return new CannotStart(`Redis cannot be used${why}: ${advice}.`);
}

/** The settings that say where a process listens. */
export interface Listening {
  readonly host: string;
  readonly port: string;
}

const WEB: Listening = { host: 'HOST', port: 'PORT' };

/**
 * Says on standard error why the process cannot start, and ends it with 1. Also for settings that
 * only a provider can judge: those errors have the code `invalid_settings`, wherever they are made.
 * @param listening what to name when it cannot listen there; the web process's settings if left out.
 */
export function exitWith(error: unknown, listening: Listening = WEB): never {
  const isOurs =
    error instanceof InvalidSettings ||
    error instanceof CannotStart ||
    (error instanceof Error && 'code' in error && error.code === 'invalid_settings');
  const stack = error instanceof Error ? error.stack : String(error);
  const text = isOurs ? error.message : (cannotListen(error, listening) ?? stack);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/** Trouble with the address or port to listen on, in words; undefined for any other error. */
function cannotListen(error: unknown, { host, port }: Listening): string | undefined {
  const unknown = LookUpError.safeParse(error).data;
  if (unknown) return `${host}: ${unknown.hostname} is no address, and no name that is known here.`;
  const failed = ListenError.safeParse(error);
  if (!failed.success) return undefined;
  const { code, address, port: number } = failed.data;
  const at = `${address?.includes(':') ? `[${address}]` : address}:${number}`;
  switch (code) {
    case 'EADDRINUSE':
      return `${port}: port ${number} is in use (${at}). Set another ${port}, or stop what has it.`;
    case 'EACCES':
      return `${port}: port ${number} is not allowed to this user (${at}). Set a ${port} above 1023.`;
    case 'EADDRNOTAVAIL':
      return `${host}: ${address} is no address of this machine.`;
  }
}

/** Node's own error for a name that it cannot look up. Redis's is never thrown, but waited out. */
const LookUpError = z.object({
  syscall: z.literal('getaddrinfo'),
  code: z.enum(['ENOTFOUND', 'EAI_AGAIN']),
  hostname: z.string(),
});

/** Node's own error, as `listen` fails with it. */
const ListenError = z.object({
  syscall: z.literal('listen'),
  code: z.enum(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL']),
  address: z.string().optional(),
  port: z.number().optional(),
});
