import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** What is said of a tenant's share, besides what everybody has. */
interface Share {
  /** Of turns, against the others'. */
  readonly weight?: number;
  /** Of each provider's places. */
  readonly providers?: Readonly<
    Record<string, { readonly floor?: number; readonly ceiling?: number }>
  >;
}

/** Tells the scripts that give out turns, instead of whatever they were told before. */
export async function writeShares(
  { redis, keys }: { redis: Redis; keys: Keys },
  shares: ReadonlyMap<string, Share>,
): Promise<void> {
  const fields: Record<string, string> = {};
  for (const [tenant, { weight, providers = {} }] of shares) {
    if (weight !== undefined) fields[tenant] = String(weight);
    for (const [provider, { floor = 0, ceiling = '' }] of Object.entries(providers)) {
      fields[`${provider}/${tenant}`] = `${floor} ${ceiling}`;
      const floors = `floors:${provider}`;
      if (floor > 0) fields[floors] = `${fields[floors] ?? ''}${tenant} ${floor} `;
    }
  }
  const writing = redis.multi().del(keys.shares);
  if (Object.keys(fields).length > 0) writing.hset(keys.shares, fields);
  for (const [error] of (await writing.exec()) ?? []) if (error) throw error;
}
