import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';

/**
 * Gives every test file a real Redis in `process.env.REDIS_URL`: the one already named there, or
 * one throw-away server for the whole run. Returns what ends it again.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['REDIS_URL']) return undefined;
  const redis = await startEmbeddedRedis();
  // Test processes start after this and inherit it.
  process.env['REDIS_URL'] = redis.url;
  return async () => {
    delete process.env['REDIS_URL'];
    await redis.stop();
  };
}
