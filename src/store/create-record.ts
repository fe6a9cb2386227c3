import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { Defect, TooMany } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import { laneOf, owesCheck } from '../generation/standing.ts';
import type { Keys } from './keys.ts';
import { encodeRecord } from './record-format.ts';
import { type OnTurns, turnsIn, withTurns } from './turns.ts';

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

/** What a tenant may ask for; what is left out has no limit. */
export interface Admission {
  readonly requestsPerSecond?: number | undefined;
  /** So many at once, after a quiet while; as many as in a second unless told. */
  readonly burst?: number | undefined;
  readonly mostWaiting?: number | undefined;
  readonly mostInFlight?: number | undefined;
  /** The same at the provider that is asked for. */
  readonly here?: Pick<Admission, 'mostWaiting' | 'mostInFlight'> | undefined;
}

/** Shortened when the generation ends; see save-records.ts. Longer than any may take. */
const ONCE_LIFETIME_MS = 100 * 24 * 3_600_000;

/** Before the first `createRecord` on a connection. A second time changes nothing. */
export function defineCreate(redis: Redis): void {
  redis.defineCommand('catwalkCreate', { lua: withTurns('admission', 'create') });
}

export interface CreateParts {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly placesAt: (provider: string) => number | undefined;
  /** All of them: a tenant's limits count over all. */
  readonly providers: readonly string[];
  readonly onTurns: OnTurns;
  readonly now: () => number;
}

const Answer = z.tuple([z.enum(['created', 'earlier', 'refused'])], z.string());

/** See `Store.create`. One round trip. */
export async function createRecord(
  parts: CreateParts,
  generation: Generation & { dueAt: number },
  about: { once?: OnceEntry | undefined; admission?: Admission | undefined },
): Promise<Earlier | undefined> {
  const { once } = about;
  const { keys } = parts;
  const schedule = owesCheck(generation) ? keys.checks : keys.owed;
  const scriptKeys = [keys.record(generation.id), schedule(generation.provider)];
  if (once) scriptKeys.push(keys.idempotency(generation.tenant, once.key));
  const args = argsFor(parts, generation, about);
  const answer = await parts.redis.catwalkCreate(scriptKeys.length, ...scriptKeys, ...args);
  const [kind, ...rest] = Answer.parse(answer);
  if (kind === 'earlier') return earlierIn(rest[0]);
  if (kind === 'refused') {
    const [name = '', ...numbers] = rest;
    const [used = 0, most = 0, retryAfterMs = 0] = numbers.map(Number);
    throw new TooMany({ name, used, most }, retryAfterMs);
  }
  const turns = turnsIn(rest);
  if (turns.length > 0) await parts.onTurns(turns);
  return undefined;
}

function argsFor(
  { keys, placesAt, providers, now }: CreateParts,
  g: Generation & { dueAt: number },
  { once, admission = {} }: { once?: OnceEntry | undefined; admission?: Admission | undefined },
): string[] {
  const { requestsPerSecond, burst, mostWaiting, mostInFlight, here } = admission;
  const limits = [requestsPerSecond, burst, mostWaiting, mostInFlight];
  const entry = once
    ? [`${g.id} ${once.bodyFingerprint}`, String(once.lifetimeMs ?? ONCE_LIFETIME_MS)]
    : ['', ''];
  // What is tried again is put into its line when its own time has come.
  const lane = g.state === 'queued' && g.redriveOf === undefined ? laneOf(g) : '';
  return [
    ...[encodeRecord(g), g.id, String(g.dueAt), ...entry, keys.prefix, g.provider, g.tenant],
    ...[lane, String(g.createdAt), String(now()), String(placesAt(g.provider) ?? '')],
    ...[...limits, here?.mostWaiting, here?.mostInFlight].map((limit) => String(limit ?? '')),
    ...providers,
  ];
}

function earlierIn(entry = ''): Earlier {
  const [id, bodyFingerprint] = entry.split(' ');
  if (!id || !bodyFingerprint) throw new Defect('An idempotency entry cannot be read.');
  return { id, bodyFingerprint };
}
