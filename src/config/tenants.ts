import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Logger } from './log.ts';
import type { Settings } from './settings.ts';
import { type GivenLimits, readTenants, type TenantsRead } from './tenants-file.ts';

/** What one tenant may have of what all share. */
export interface TenantLimits {
  readonly requestsPerSecond: number;
  /** Requests at once, after a pause. */
  readonly burst: number;
  readonly mostWaiting: number;
  readonly mostInFlight: number;
  /** Its turns, against the others': 1 unless said. */
  readonly weight: number;
  /** What is said besides about single providers. */
  readonly providers: NonNullable<GivenLimits['providers']>;
}

/** Who may call the API, and how much; follows `TENANTS_FILE` while the process runs. */
export interface Tenants {
  /** @param digest see `keyDigest`. */
  tenantOfKey(digest: string): string | undefined;
  /** Of any tenant, also of one that is named nowhere. */
  limitsOf(tenant: string): TenantLimits;
  /** All that differ from everybody's, by tenant. */
  limited(): ReadonlyMap<string, GivenLimits>;
  /** @param listener called whenever the file was read again. @returns what ends that. */
  onChange(listener: () => void): () => void;
  /** Looks at the file no more. */
  stop(): void;
}

type TenantsSettings = Pick<
  Settings,
  | 'TENANTS_FILE'
  | 'API_KEYS'
  | 'TENANT_REQUESTS_PER_SECOND'
  | 'TENANT_MOST_WAITING'
  | 'TENANT_MOST_IN_FLIGHT'
>;

/** The system's own word of a change does not reach every container. */
const LOOK_EVERY_MS = 2_000;

/**
 * Reads the file now, and again within seconds when it was changed or replaced. One that cannot be
 * understood then changes nothing, and the log says why.
 * @param parts.providers those that are switched on here: the log names others in the file.
 * @throws InvalidSettings when it cannot be understood now.
 */
export function openTenants(parts: {
  settings: TenantsSettings;
  providers: ReadonlyMap<string, unknown>;
  log: Logger;
}): Tenants {
  const { settings, log } = parts;
  const { TENANTS_FILE: path, API_KEYS: apiKeys } = settings;
  const listeners = new Set<() => void>();
  const readNow = (): TenantsRead => {
    const found = readTenants(path, apiKeys);
    const named = [...found.limits.values()].flatMap((one) => Object.keys(one.providers ?? {}));
    const off = [...new Set(named)].filter((name) => !parts.providers.has(name));
    if (off.length > 0) log.warn({ providers: off }, 'TENANTS_FILE limits what is not on here');
    return found;
  };
  const readAgain = (): void => {
    try {
      read = readNow();
    } catch (err) {
      log.error({ err }, 'tenants not read again; those of before stay');
      return;
    }
    log.info({ limited: read.limits.size, keys: read.tenants.size }, 'tenants read again');
    for (const listener of listeners) listener();
  };
  // The look comes first, so that no change falls between the two.
  const stop = path === undefined ? () => undefined : watchFile(path, readAgain);
  let read: TenantsRead;
  try {
    read = readNow();
  } catch (error) {
    stop();
    throw error;
  }

  return {
    tenantOfKey: (digest) => read.tenants.get(digest),
    limitsOf: (tenant) => withDefaults(settings, read.limits.get(tenant)),
    limited: () => read.limits,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop,
  };
}

function withDefaults(settings: TenantsSettings, given: GivenLimits = {}): TenantLimits {
  const requestsPerSecond = given.requestsPerSecond ?? settings.TENANT_REQUESTS_PER_SECOND;
  return {
    requestsPerSecond,
    burst: given.burst ?? Math.ceil(2 * requestsPerSecond),
    mostWaiting: given.mostWaiting ?? settings.TENANT_MOST_WAITING,
    mostInFlight: given.mostInFlight ?? settings.TENANT_MOST_IN_FLIGHT,
    weight: given.weight ?? 1,
    providers: given.providers ?? {},
  };
}

/** Also when it is replaced by a rename, or by a link that leads elsewhere, as in Kubernetes. */
function watchFile(path: string, changed: () => void): () => void {
  const first = statSync(path, { bigint: true, throwIfNoEntry: false });
  let known = first ? markOf(first) : ABSENT;
  let looking = false;
  const look = async (): Promise<void> => {
    // A file system that hangs is asked once.
    if (looking) return;
    looking = true;
    const seen = await stat(path, { bigint: true }).then(markOf, () => ABSENT);
    looking = false;
    if (seen === known) return;
    known = seen;
    changed();
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

const ABSENT = '';

/** Differs when the file does. */
function markOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join();
}
