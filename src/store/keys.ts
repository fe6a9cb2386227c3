import { fingerprint } from '../generation/ids.ts';

/**
 * Every Redis key that is ours. They and BullMQ's share one hash tag, so that one script may touch
 * any of them on Redis Cluster. A larger deployment would be several such tagged cells.
 */
export interface Keys {
  /** BullMQ's `prefix`. */
  readonly prefix: string;
  /** What every record's key begins with. */
  readonly records: string;
  record(id: string): string;
  schedule(provider: string): string;
  pollBudget(provider: string): string;
  /** One hash for each provider: model → its circuit breaker. */
  circuits(provider: string): string;
  /** The generations that a provider works on, where it limits how many; by the time of each. */
  running(provider: string): string;
  /** One hash for each provider: which limits it stated or we found, and what is left to spend. */
  quota(provider: string): string;
  /** Held by the one process that looks after a provider's quota now. */
  quotaLease(provider: string): string;
  idempotency(tenant: string, keyFingerprint: string): string;
  /** Which generation a provider's task belongs to, where deliveries name nothing else. */
  task(provider: string, taskId: string): string;
  /** Deliveries about a task that nobody knows yet. */
  parked(provider: string, taskId: string): string;
  /** One hash for each tenant and day (UTC): what was asked for, how it ended, what was charged. */
  usage(tenant: string, date: string): string;
  /**
   * Which generations are in their tenant's usage already: a thousand hashes for each nine hours of
   * ids, so that one stays small enough for Redis to pack.
   */
  counted(id: string): string;
  /** One hash for each generation: what is kept of its results. */
  keptResults(id: string): string;
  /** Results that wait to be copied, by when their link dies. */
  readonly keepNow: string;
  /** Results that are being copied or tried again, by when they may be taken. */
  readonly keepLater: string;
  /** Generations with kept results, by when those are removed. */
  readonly keptUntil: string;
  /** Written to see whether Redis takes writes. */
  readonly writeCheck: string;
  /** The names of everyone who is notified of completions. */
  readonly subscribers: string;
}

/** @param name of the installation, for example `catwalk`; becomes the hash tag. */
export function keysOf(name: string): Keys {
  const prefix = `{${name}}`;
  const records = `${prefix}:g:`;
  return {
    prefix,
    records,
    record: (id) => records + id,
    schedule: (provider) => `${prefix}:due:${provider}`,
    pollBudget: (provider) => `${prefix}:polls:${provider}`,
    circuits: (provider) => `${prefix}:circuits:${provider}`,
    running: (provider) => `${prefix}:running:${provider}`,
    quota: (provider) => `${prefix}:quota:${provider}`,
    quotaLease: (provider) => `${prefix}:quota-lease:${provider}`,
    idempotency: (tenant, keyFingerprint) => `${prefix}:once:${tenant}:${keyFingerprint}`,
    task: (provider, taskId) => `${prefix}:task:${provider}:${fingerprint(taskId)}`,
    parked: (provider, taskId) => `${prefix}:parked:${provider}:${fingerprint(taskId)}`,
    usage: (tenant, date) => `${prefix}:usage:${tenant}:${date}`,
    counted: (id) => `${prefix}:counted:${id.slice('gen_'.length, 9)}${id.slice(-2)}`,
    keptResults: (id) => `${prefix}:kept:${id}`,
    keepNow: `${prefix}:keep-now`,
    keepLater: `${prefix}:keep-later`,
    keptUntil: `${prefix}:kept-until`,
    writeCheck: `${prefix}:write-check`,
    subscribers: `${prefix}:subscribers`,
  };
}
