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
  /** One hash for each generation: what is kept of its results. */
  keptResults(id: string): string;
  /** One hash for each tenant: endpoint → its trouble, where its callbacks failed lately. */
  endpoints(tenant: string): string;
  /** The tenant's events that wait for such endpoints, by when they are forgotten. */
  endpointsWaitedFor(tenant: string): string;
  /** The tenant's callbacks under way in a lane, by when their places are free at the latest. */
  callbacksUnderWay(lane: string, tenant: string): string;
  /** One hash for each tenant and lane: endpoint → the end and the pace of the line for a place. */
  callbackLines(lane: string, tenant: string): string;
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
    keptResults: (id) => `${prefix}:kept:${id}`,
    endpoints: (tenant) => `${prefix}:endpoints:${tenant}`,
    endpointsWaitedFor: (tenant) => `${prefix}:endpoints-waited-for:${tenant}`,
    callbacksUnderWay: (lane, tenant) => `${prefix}:callbacks-${lane}:${tenant}`,
    callbackLines: (lane, tenant) => `${prefix}:callback-lines-${lane}:${tenant}`,
    keepNow: `${prefix}:keep-now`,
    keepLater: `${prefix}:keep-later`,
    keptUntil: `${prefix}:kept-until`,
    writeCheck: `${prefix}:write-check`,
    subscribers: `${prefix}:subscribers`,
  };
}
