import type { Redis } from 'ioredis';
import { NotKnownHere } from '../generation/errors.ts';
import { isFinal } from '../generation/generation.ts';
import type { Keys } from './keys.ts';
import type { Read } from './record-format.ts';

/**
 * Where the answer to a submission was lost, its task may be running for so long: FASHN's slowest model
 * takes two minutes ("try-on max", read 2026-11-20). Kept for longer, a few such would stop a provider.
 */
const UNSURE_FOR_MS = 120_000;
/** A place that a queued generation without a turn has held for so long was forgotten. */
const FORGOTTEN_AFTER_MS = 300_000;

export interface HealParts {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly store: { loadAll(ids: readonly string[]): Promise<Read[]> };
  readonly now: () => number;
}

/** The places in which nothing runs: id, tenant and the time of each, as turns-leave.lua takes them. */
export async function idlePlaces(
  { redis, keys, store, now }: HealParts,
  provider: string,
): Promise<string[]> {
  const [held, inTurn] = await Promise.all([
    redis.zrange(keys.running(provider), '0', '-1', 'WITHSCORES'),
    redis.zrange(keys.turns(provider), '0', '-1'),
  ]);
  const turns = new Set(inTurn);
  const places = pairs(held);
  const records = await store.loadAll(places.map(({ id }) => id));
  return places.flatMap(({ id, at }, i) => {
    const record = records[i];
    const forMs = turns.has(id) ? 0 : now() - Number(at);
    if (!isIdle(record, forMs)) return [];
    return [id, record && !(record instanceof Error) ? record.tenant : '', at];
  });
}

function pairs(flat: readonly string[]): { id: string; at: string }[] {
  return flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, at: flat[i + 1] ?? '' }] : []));
}

/** Whether this one certainly has no task at the provider. @param forMs how long its place is taken; 0 for a turn that may begin. */
function isIdle(found: Read, forMs: number): boolean {
  if (found === undefined) return true;
  // Nobody here can say.
  if (found instanceof Error) return !(found instanceof NotKnownHere);
  if (found.state === 'queued') return forMs > FORGOTTEN_AFTER_MS;
  if (found.state === 'unconfirmed') return forMs > UNSURE_FOR_MS;
  return isFinal(found);
}
