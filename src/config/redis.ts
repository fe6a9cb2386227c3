import type { RedisOptions } from 'ioredis';

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

/** For worker processes: waits for Redis as long as it takes (BullMQ requires exactly this). */
export const workerConnection = {
  maxRetriesPerRequest: null,
  retryStrategy: (attempt: number) => Math.min(attempt * 50, 1_000),
  reconnectOnError: (error: Error) => (isFailover(error) ? RECONNECT_AND_REPEAT : false),
} satisfies RedisOptions;

const RECONNECT_AND_REPEAT = 2 as const;

/** A demoted primary answers READONLY: connect again, and to the new one. */
function isFailover(error: Error): boolean {
  return error.message.startsWith('READONLY');
}
