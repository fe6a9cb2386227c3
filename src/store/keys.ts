import { fingerprint } from '../generation/ids.ts';
import type { Lane } from '../generation/standing.ts';

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
  /** The next status check of each generation (Unix ms). */
  checks(provider: string): string;
  pollBudget(provider: string): string;
  /** When anything else that a generation owes is due (Unix ms). */
  owed(provider: string): string;
  owedBudget(provider: string): string;
  /** Each tenant's weight, and its share of a provider's places; turns.lua has the fields. */
  readonly shares: string;
  /** Who has a turn at a provider and is not being sent yet, by when each got it. */
  turns(provider: string): string;
  /** A tenant's line at a provider, one for each lane. */
  line(provider: string, tenant: string, lane: Lane): string;
  /** A tenant's part of those that have a turn or may be running at a provider. */
  busy(provider: string, tenant: string): string;
  /** The tenants with somebody in line at a provider, by their virtual time. */
  lanes(provider: string): string;
  /** The virtual time of tenants that left the lanes while others stayed. */
  served(provider: string): string;
  /** How fast a provider may be used, and what else turns.lua counts by. */
  pace(provider: string): string;
  /** How often each tenant's line moves at a provider, and its tasks end. */
  moves(provider: string): string;
  /** What a tenant has left of its requests per second. */
  rate(tenant: string): string;
  /** One hash for each provider: model → its circuit breaker. */
  circuits(provider: string): string;
  /** The generations that have a turn at a provider, or may be running there; by the time of each. */
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
  /** One hash: when each of them was last known to be run. */
  readonly subscribersServed: string;
  /** Held by the one process that removes what is kept too long, or too much of it. */
  readonly backlogLease: string;
}

/** @param name of the installation, for example `catwalk`; becomes the hash tag. */
export function keysOf(name: string): Keys {
  const prefix = `{${name}}`;
  const records = `${prefix}:g:`;
  return {
    prefix,
    records,
    record: (id) => records + id,
    checks: (provider) => `${prefix}:due:${provider}`,
    pollBudget: (provider) => `${prefix}:polls:${provider}`,
    owed: (provider) => `${prefix}:owed:${provider}`,
    owedBudget: (provider) => `${prefix}:owing:${provider}`,
    shares: `${prefix}:shares`,
    turns: (provider) => `${prefix}:turn:${provider}`,
    line: (provider, tenant, lane) =>
      `${prefix}:line${lane === 'batch' ? '-batch' : ''}:${provider}:${tenant}`,
    busy: (provider, tenant) => `${prefix}:busy:${provider}:${tenant}`,
    lanes: (provider) => `${prefix}:lanes:${provider}`,
    served: (provider) => `${prefix}:served:${provider}`,
    pace: (provider) => `${prefix}:pace:${provider}`,
    moves: (provider) => `${prefix}:moves:${provider}`,
    rate: (tenant) => `${prefix}:rate:${tenant}`,
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
    endpoints: (tenant) => `${prefix}:endpoints:${tenant}`,
    endpointsWaitedFor: (tenant) => `${prefix}:endpoints-waited-for:${tenant}`,
    callbacksUnderWay: (lane, tenant) => `${prefix}:callbacks-${lane}:${tenant}`,
    callbackLines: (lane, tenant) => `${prefix}:callback-lines-${lane}:${tenant}`,
    keepNow: `${prefix}:keep-now`,
    keepLater: `${prefix}:keep-later`,
    keptUntil: `${prefix}:kept-until`,
    writeCheck: `${prefix}:write-check`,
    subscribers: `${prefix}:subscribers`,
    subscribersServed: `${prefix}:subscribers-served`,
    backlogLease: `${prefix}:backlog-lease`,
  };
}
