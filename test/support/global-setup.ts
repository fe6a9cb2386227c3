import { Cleanup } from '../../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../../rig/compile.ts';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { COMPILED_PROGRAMS } from '../../rig/start-process.ts';

/**
 * What all test files share, by the environment that their processes inherit: our programs, compiled
 * once, and a real Redis in `REDIS_URL`, unless one is named there already: a throw-away server for
 * the whole run. Returns what ends it again.
 */
export async function setup(): Promise<() => Promise<void>> {
  const cleanup = new Cleanup();
  process.env[COMPILED_PROGRAMS] = await compileToTemporaryFolder(cleanup);
  if (!process.env['REDIS_URL']) {
    const redis = await startEmbeddedRedis();
    process.env['REDIS_URL'] = redis.url;
    cleanup.add(redis.stop);
  }
  return () => cleanup.run();
}
