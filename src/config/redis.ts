import type { RedisOptions } from 'ioredis';
import { isFailover } from './redis-errors.ts';

/** Where to connect: what ioredis takes as its first argument. */
export function redisTarget(url: string): string {
  return url.startsWith('unix://') ? url.slice('unix://'.length) : url;
}

/**
 * For web processes: fails at once while Redis is away, so that a request can be answered 503,
 * and is back by itself when Redis is.
 */
export const producerConnection = {
  enableOfflineQueue: false,
  commandTimeout: 2_000,
  maxRetriesPerRequest: 0,
  retryStrategy: (attempt: number) => Math.min(attempt * 50, 500),
  reconnectOnError: (error: Error) => isFailover(error),
} satisfies RedisOptions;

/**
 * For worker processes: waits for Redis as long as it takes (BullMQ requires exactly this).
 * @param over once it is, a connection that breaks is not made again, nor its duplicates.
 */
export function workerConnection(over: AbortSignal) {
  const againMs = (attempt: number): number =>
    Math.max(Math.min(attempt * 50, 1_000), isFailingOver() ? FAILOVER_PAUSE_MS : 0);
  return {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt: number) => (over.aborted ? null : againMs(attempt)),
    reconnectOnError: (error: Error) => {
      if (!isFailover(error)) return false;
      readOnlyAt = performance.now();
      return RECONNECT_AND_REPEAT;
    },
  } satisfies RedisOptions;
}

const RECONNECT_AND_REPEAT = 2 as const;
/**
 * A demoted primary takes every connection and refuses its first command, so that without a pause a
 * process's connections, two dozen and more, would each come back a dozen times a second.
 */
const FAILOVER_PAUSE_MS = 500;
/** When any connection of this process was last told READONLY. */
let readOnlyAt = Number.NEGATIVE_INFINITY;

function isFailingOver(): boolean {
  return performance.now() - readOnlyAt < 2 * FAILOVER_PAUSE_MS;
}
