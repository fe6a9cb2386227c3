import type { RedisOptions } from 'ioredis';

/** Where to connect: what ioredis takes as its first argument. */
export function redisTarget(url: string): string {
  return url.startsWith('unix://') ? url.slice('unix://'.length) : url;
}

/**
 * For web processes: fails at once while Redis is away, so that a request can be answered 503,
 * and is back by itself when Redis is.
 */
export const producerConnection: RedisOptions = {
  enableOfflineQueue: false,
  commandTimeout: 2_000,
  maxRetriesPerRequest: 0,
  retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  reconnectOnError: (error) => isFailover(error),
};

/** For worker processes: waits for Redis as long as it takes (BullMQ requires exactly this). */
export const workerConnection: RedisOptions = {
  maxRetriesPerRequest: null,
  retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
  reconnectOnError: (error) => (isFailover(error) ? RECONNECT_AND_REPEAT : false),
};

const RECONNECT_AND_REPEAT = 2;

/** A demoted primary answers READONLY: connect again, and to the new one. */
function isFailover(error: Error): boolean {
  return error.message.startsWith('READONLY');
}
