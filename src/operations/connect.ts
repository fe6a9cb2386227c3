import { Redis } from 'ioredis';
import { type Logger, onceInAWhile } from '../config/log.ts';
import { producerConnection, redisTarget } from '../config/redis.ts';
import type { Settings } from '../config/settings.ts';
import { CannotStart, requireRedis } from '../config/start-up.ts';
import { createQueueSet } from '../producers/queue-set.ts';
import { accountWide, type ProviderAdapter } from '../providers/provider.ts';
import { keysOf } from '../store/keys.ts';
import { createStore } from '../store/store.ts';
import { type Operation, UsageError } from './command.ts';

const REDIS_PATIENCE_MS = 10_000;

/**
 * Opens what commands work with, runs one, and closes it again. A Redis that is lost in between
 * fails the command at once: every command may be run again.
 * @throws CannotStart when Redis cannot be used, or is lost; else whatever the command throws.
 */
export async function runConnected(
  settings: Settings & { REDIS_URL: string },
  providers: ReadonlyMap<string, ProviderAdapter>,
  log: Logger,
  command: (operation: Operation) => Promise<void>,
): Promise<void> {
  const redis = new Redis(redisTarget(settings.REDIS_URL), producerConnection);
  redis.on(
    'error',
    onceInAWhile((err) => log.debug({ err }, 'redis connection')),
  );
  const keys = keysOf(settings.REDIS_NAMESPACE);
  const queues = createQueueSet({
    connection: redis,
    prefix: keys.prefix,
    failFast: true,
    leavesNoTrace: true,
    log,
  });
  try {
    await requireRedis(redis, log, REDIS_PATIENCE_MS);
    const { RETENTION_MS: retentionMs } = settings;
    const store = createStore({ redis, keys, retentionMs, matchedByTask: accountWide(providers) });
    const say = (text: string): void => void process.stdout.write(text);
    const isTerminal = process.stdout.isTTY === true;
    await command({
      settings,
      redis,
      keys,
      store,
      queues,
      providers,
      now: Date.now,
      say,
      isTerminal,
    });
  } catch (error) {
    const isOurs = error instanceof CannotStart || error instanceof UsageError;
    if (isOurs || redis.status === 'ready') throw error;
    throw new CannotStart('Redis was lost in the middle: run it again, which is harmless.');
  } finally {
    await queues.close();
    redis.disconnect();
  }
}
