import { Redis } from 'ioredis';
import type { Logger } from '../config/log.ts';
import { endConnection } from '../config/orderly-stop.ts';
import { producerConnection, redisTarget, workerConnection } from '../config/redis.ts';
import { connectionErrors } from '../config/redis-errors.ts';

/**
 * What a command does while Redis is away. `fail`: it rejects at once, so that a request can be
 * answered 503. `wait`: it waits for as long as it takes, as a worker must.
 */
export type WhileAway = 'fail' | 'wait';

export interface Connection {
  readonly redis: Redis;
  /** Ends it whatever it is doing, its duplicates too; commands that wait in it fail. */
  end(): void;
}

/** A connection to Redis that comes back by itself, and says once in a while that it is broken. */
export function openConnection(options: {
  url: string;
  whileAway: WhileAway;
  log: Logger;
}): Connection {
  const over = new AbortController();
  const how = options.whileAway === 'wait' ? workerConnection(over.signal) : producerConnection;
  const redis = new Redis(redisTarget(options.url), how);
  redis.on('error', connectionErrors(options.log, 'redis connection'));
  return {
    redis,
    end() {
      over.abort();
      endConnection(redis);
    },
  };
}
