import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { type Keys, keysOf } from '../../src/store/keys.ts';

export interface TestRedis {
  readonly redis: Redis;
  /** Keys under a name that nobody else uses. */
  readonly keys: Keys;
  /** One more client of the same server, closed together with the first. */
  another(): Redis;
  /** Deletes every key under the name, and closes the clients. */
  close(): Promise<void>;
}

/**
 * Connects to a Redis: the one of this test run, whose URL the global setup put in `REDIS_URL`,
 * unless another is named. BullMQ's workers insist on `maxRetriesPerRequest: null`.
 */
export function connectTestRedis(
  url = process.env['REDIS_URL'],
  options: { maxRetriesPerRequest?: null } = {},
): TestRedis {
  if (!url) throw new Error('REDIS_URL is not set: test/support/global-setup.ts sets it');
  const keys = keysOf(`test-${randomUUID()}`);
  // ioredis knows a unix socket by its bare path.
  const connect = () => {
    const client = new Redis(url.replace(/^unix:\/\//, ''), options);
    // A test may take it away for a while; whoever asks meanwhile gets the error, or waits.
    return client.on('error', () => undefined);
  };
  const redis = connect();
  const clients = [redis];
  return {
    redis,
    keys,
    another: () => {
      const client = connect();
      clients.push(client);
      return client;
    },
    close: async () => {
      let cursor = '0';
      do {
        const [next, found] = await redis.scan(cursor, 'MATCH', `${keys.prefix}*`, 'COUNT', 1000);
        if (found.length > 0) await redis.del(...found);
        cursor = next;
      } while (cursor !== '0');
      await Promise.all(clients.map((client) => client.quit()));
    },
  };
}
