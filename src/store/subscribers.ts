import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { redisTrouble } from '../config/redis-errors.ts';
import { InvalidRequest } from '../generation/errors.ts';
import { NAME } from '../generation/names.ts';
import type { Keys } from './keys.ts';

/** Who is notified of completions. A subscription outlives its process: its queue fills meanwhile. */
export interface Subscribers {
  /** Registering a name again changes nothing. @throws InvalidRequest for an unusable name. */
  register(name: string): Promise<void>;
  /** Completions from now on are not queued for it; what is queued already stays. */
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
}

/** The built-in subscriber for generations that carry a callback URL; it needs no registering. */
export const CALLBACK = 'callback';
/** Its slow lane, for endpoints that were slow or failed: the same events, a queue of their own. */
export const SLOW_CALLBACK = 'callback-slow';
/** The built-in subscribers: no app's handler may have their names. */
export const CALLBACKS: readonly string[] = [CALLBACK, SLOW_CALLBACK];

export function createSubscribers(options: { redis: Redis; keys: Keys }): Subscribers {
  const { redis, keys } = options;
  return {
    async register(name) {
      if (!NAME.pattern.test(name) || CALLBACKS.includes(name)) {
        throw new InvalidRequest(
          'invalid_subscriber_name',
          `subscriber name "${name.slice(0, 40)}": use ${NAME.words}; ${CALLBACKS.join(' and ')} are taken`,
        );
      }
      await redis.sadd(keys.subscribers, name);
    },
    async remove(name) {
      await redis.srem(keys.subscribers, name);
    },
    names: () => redis.smembers(keys.subscribers),
  };
}

/** As often as a registration is tried again while Redis takes nothing. */
const AGAIN_MS = 1_000;

/**
 * Registers for a process that stays. Whenever its connection comes back, all its names are
 * registered again, however long ago they were: Redis may have come back without its last second,
 * or restored from a backup older than the registration. A name that another process removed
 * meanwhile comes back with it: its handler still runs here.
 */
export function createLastingRegistration(options: { redis: Redis; keys: Keys }) {
  const subscribers = createSubscribers(options);
  const registered = new Set<string>();
  let comebacks = 0;

  options.redis.on('ready', () => {
    comebacks += 1;
    for (const name of registered) void again(name, comebacks);
  });

  /**
   * Repeated while Redis is there and takes nothing, as it may just after a failover. After any other
   * error the connection has broken once more, and will be back once more.
   */
  async function again(name: string, comeback: number): Promise<void> {
    while (registered.has(name) && comeback === comebacks) {
      const error = await subscribers.register(name).catch((thrown: unknown) => thrown);
      const trouble = redisTrouble(error);
      if (trouble !== 'busy' && trouble !== 'locked_out') return;
      await wait(AGAIN_MS, undefined, { ref: false });
    }
  }

  return {
    /** As `Subscribers.register`. */
    async register(name: string): Promise<void> {
      await subscribers.register(name);
      registered.add(name);
    },
    /** It is being removed: never to be registered again by itself. */
    forget(name: string): void {
      registered.delete(name);
    },
  };
}
