import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { Defect } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import type { Keys } from './keys.ts';
import { encodeRecord } from './record-format.ts';

/** What an app's own idempotency key was used for. */
export interface OnceEntry {
  readonly key: string;
  readonly bodyFingerprint: string;
  readonly lifetimeMs?: number;
}

/** What an idempotency key made before. */
export interface Earlier {
  readonly id: string;
  readonly bodyFingerprint: string;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkCreate(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

/** Shortened when the generation ends; see save-records.ts. Longer than any may take. */
const ONCE_LIFETIME_MS = 100 * 24 * 3_600_000;

/** Before the first `createRecord` on a connection. A second time changes nothing. */
export function defineCreate(redis: Redis): void {
  const lua = readFileSync(new URL('./create.lua', import.meta.url), 'utf8');
  redis.defineCommand('catwalkCreate', { lua });
}

/** See `Store.create`. One round trip. */
export async function createRecord(
  { redis, keys }: { redis: Redis; keys: Keys },
  generation: Generation & { dueAt: number },
  once: OnceEntry | undefined,
): Promise<Earlier | undefined> {
  const scriptKeys = [keys.record(generation.id), keys.schedule(generation.provider)];
  const args = [encodeRecord(generation), generation.id, String(generation.dueAt)];
  if (once) {
    scriptKeys.push(keys.idempotency(generation.tenant, once.key));
    args.push(
      `${generation.id} ${once.bodyFingerprint}`,
      String(once.lifetimeMs ?? ONCE_LIFETIME_MS),
    );
  }
  const earlier = await redis.catwalkCreate(scriptKeys.length, ...scriptKeys, ...args);
  if (earlier === null) return undefined;
  const [id, bodyFingerprint] = z.string().parse(earlier).split(' ');
  if (!id || !bodyFingerprint) throw new Defect('An idempotency entry cannot be read.');
  return { id, bodyFingerprint };
}
