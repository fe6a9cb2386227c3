import type { Redis } from 'ioredis';

/** What was found at start: `fatal` must stop the process, `warnings` are worth a log line. */
export interface RedisFindings {
  readonly fatal: readonly string[];
  readonly warnings: readonly string[];
}

const OLDEST = [6, 2] as const;
const MOST_SKEW_MS = 1_000;

/**
 * Checks that this Redis may be trusted with orders. Reads only; a round trip or two.
 * @throws ioredis's error when Redis cannot be reached.
 */
export async function checkRedis(redis: Redis, nowMs: () => number): Promise<RedisFindings> {
  const [info, [seconds, micros]] = await Promise.all([redis.info(), redis.time()]);
  const field = (name: string): string =>
    new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';

  const fatal: string[] = [];
  const warnings: string[] = [];

  const { db = 0 } = redis.options;
  if (db > 0 && !(await isThere(redis, db))) {
    fatal.push(`Redis has no database ${db}: the number at the end of REDIS_URL is too large.`);
  }
  const version = field('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    fatal.push(`Redis ${version} is too old: use 6.2 or newer.`);
  }
  const policy = field('maxmemory_policy');
  if (policy !== 'noeviction') {
    fatal.push(
      `Redis has maxmemory-policy ${policy}, which may delete jobs: set it to noeviction ` +
        '(redis-cli config set maxmemory-policy noeviction, and in redis.conf).',
    );
  }
  if (field('maxmemory') === '0') {
    warnings.push(
      'Redis has no maxmemory: nothing holds back new generations before the machine has no memory ' +
        'left, and Redis is killed with everything it has. Set it to what this machine can spare ' +
        '(redis-cli config set maxmemory 1gb, and in redis.conf).',
    );
  }
  if (field('aof_enabled') !== '1') {
    warnings.push(
      'Redis keeps no append-only file: a restart may lose generations (appendonly yes).',
    );
  }
  const skewMs = Math.abs(Number(seconds) * 1000 + Number(micros) / 1000 - nowMs());
  if (skewMs > MOST_SKEW_MS) {
    warnings.push(`The clocks of this machine and Redis differ by ${Math.round(skewMs)} ms.`);
  }
  return { fatal, warnings };
}

/** ioredis passes over a database that does not exist, and goes on in the first, which is another's. */
async function isThere(redis: Redis, db: number): Promise<boolean> {
  try {
    await redis.select(db);
    return true;
  } catch (error) {
    if (error instanceof Error && /DB index is out of range/.test(error.message)) return false;
    throw error;
  }
}
