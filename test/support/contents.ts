import type { Redis } from 'ioredis';

/** Every key with this prefix and all it holds, in one order; but for the keys that `except` matches. */
export async function contentsOf(redis: Redis, prefix: string, except?: RegExp): Promise<string[]> {
  const names = (await redis.keys(`${prefix}*`)).filter((name) => !except?.test(name)).sort();
  const dumps = names.map(async (name) => [name, (await redis.dumpBuffer(name))?.toString('hex')]);
  return (await Promise.all(dumps)).map((pair) => pair.join(' '));
}

/** What each open queue says of itself. */
export const QUEUE_META = /:meta$/;
