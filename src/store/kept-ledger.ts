import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { GenerationId } from '../generation/ids.ts';
import { type InKeptState, KeptState, type ResultId } from '../generation/kept-result.ts';
import type { Keys } from './keys.ts';

/** What is noted of one generation's results. */
export interface KeptResults {
  readonly tenant: string;
  /** Its completion is told when nothing is pending. */
  readonly waits: boolean;
  readonly states: ReadonlyMap<number, KeptState>;
}

/** One result that is owed, as it is named in the lists. */
export interface Owed extends ResultId {
  readonly member: string;
}

/** What is to be kept of a generation. */
interface ToKeep {
  readonly id: GenerationId;
  readonly tenant: string;
  /** Unix ms at which what is kept is removed. */
  readonly until: number;
  readonly waits: boolean;
  readonly results: ReadonlyMap<number, InKeptState<'pending'>>;
}

/**
 * Which results are kept, and which still have to be: soonest to die first. The lists and the hash
 * of a generation lie in Redis; no byte of a result ever does.
 */
export interface KeptLedger {
  /** Notes the results once; a second call changes nothing. Answers what is noted. */
  enter(toKeep: ToKeep): Promise<KeptResults>;
  read(id: GenerationId): Promise<KeptResults | undefined>;
  /**
   * Takes the most urgent result that may be tried now, for `leaseMs`.
   * @param asked answered besides: when it may be taken (Unix ms); undefined when nothing is owed.
   */
  take(
    asked: ResultId & { tryUntil: number },
    times: { now: number; leaseMs: number },
  ): Promise<{ taken: Owed | undefined; askedAt: number | undefined }>;
  /** Not before `at` (Unix ms) again. */
  putBack(owed: Owed, at: number): Promise<void>;
  /**
   * What became of it. Nothing is written when it is not pending any more, as after an erasure.
   * @param state undefined to owe nothing any more, and write nothing.
   */
  settle(
    owed: Owed,
    state: KeptState | undefined,
  ): Promise<{ written: boolean; pending: number; waits: boolean }>;
  /** Says that all are erased, before they are. Answers what was noted. */
  erase(id: GenerationId, at: number): Promise<KeptResults | undefined>;
  /** Those owed whose time passed before `since` (Unix ms), at most `most`. */
  overdue(since: number, most: number): Promise<(ResultId & { tryUntil: number })[]>;
  /** Generations whose results are past their retention, at most `most`. */
  expired(now: number, most: number): Promise<GenerationId[]>;
  /** Forgets a generation whose files are gone. */
  forget(id: GenerationId): Promise<void>;
  /** Every generation of which anything is noted, some at a time; one may come twice. */
  all(): AsyncGenerator<{ id: GenerationId; kept: KeptResults }>;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkKeepEnter(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkKeepTake(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkKeepSettle(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkKeepErase(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const SCRIPTS = {
  catwalkKeepEnter: 'keep-enter',
  catwalkKeepTake: 'keep-take',
  catwalkKeepSettle: 'keep-settle',
  catwalkKeepErase: 'keep-erase',
} as const;

const Hash = z.array(z.string());
const Taken = z.tuple([z.string(), z.string()]);
const Settled = z.tuple([z.number(), z.number(), z.string()]);
const KEYS_AT_A_TIME = 500;

/** Names one owed result; ends in the moment until which it is tried, which the scripts read. */
const memberOf = ({ id, index, tryUntil }: ResultId & { tryUntil: number }): string =>
  `${id}/${index}/${Math.round(tryUntil)}`;

export function createKeptLedger({ redis, keys }: { redis: Redis; keys: Keys }): KeptLedger {
  for (const [name, file] of Object.entries(SCRIPTS)) {
    const lua = readFileSync(new URL(`./${file}.lua`, import.meta.url), 'utf8');
    redis.defineCommand(name, { lua });
  }
  return { ...notes({ redis, keys }), ...owing({ redis, keys }) };
}

type Parts = { readonly redis: Redis; readonly keys: Keys };
type Owing = Pick<KeptLedger, 'take' | 'putBack' | 'settle' | 'overdue'>;

/** What is noted of each generation. */
function notes({ redis, keys }: Parts): Omit<KeptLedger, keyof Owing> {
  const read = async (id: string): Promise<KeptResults | undefined> =>
    keptResults(Object.entries(await redis.hgetall(keys.keptResults(id))).flat());

  return {
    async enter(toKeep) {
      const { id, tenant, until, waits } = toKeep;
      const scriptKeys = [keys.keptResults(id), keys.keepNow, keys.keptUntil];
      const results = [...toKeep.results].flatMap(([index, state]) => {
        const member = memberOf({ id, index, tryUntil: state.tryUntil });
        return [String(index), asJson(state), member, String(Math.round(state.tryUntil))];
      });
      const args = [tenant, String(Math.round(until)), waits ? '1' : '', ...results];
      const answer = await redis.catwalkKeepEnter(scriptKeys.length, ...scriptKeys, ...args);
      return keptResults(Hash.parse(answer)) ?? { tenant, waits, states: new Map() };
    },
    read,
    async erase(id, at) {
      const state = asJson({ state: 'erased', erasedAt: at });
      return keptResults(Hash.parse(await redis.catwalkKeepErase(1, keys.keptResults(id), state)));
    },
    async expired(now, most) {
      const ids = await redis.zrangebyscore(keys.keptUntil, '-inf', now, 'LIMIT', 0, most);
      return ids.flatMap(generationId);
    },
    async forget(id) {
      await redis.del(keys.keptResults(id));
      await redis.zrem(keys.keptUntil, id);
    },
    async *all() {
      let cursor = '0';
      do {
        const [next, ids] = await redis.zscan(keys.keptUntil, cursor, 'COUNT', KEYS_AT_A_TIME);
        for (const id of ids.filter((_, at) => at % 2 === 0).flatMap(generationId)) {
          const kept = await read(id);
          if (kept) yield { id, kept };
        }
        cursor = next;
      } while (cursor !== '0');
    },
  };
}

/** Which results are owed, and which of them is next. */
function owing({ redis, keys }: Parts): Owing {
  return {
    async take(asked, { now, leaseMs }) {
      const args = [String(now), String(now + leaseMs), memberOf(asked)];
      const answer = await redis.catwalkKeepTake(2, keys.keepNow, keys.keepLater, ...args);
      const [member, at] = Taken.parse(answer);
      return { taken: owedBy(member)[0], askedAt: at === '' ? undefined : Number(at) };
    },
    async putBack({ member }, at) {
      await redis.zadd(keys.keepLater, 'XX', Math.round(at), member);
    },
    async settle({ id, index, member }, state) {
      const scriptKeys = [keys.keptResults(id), keys.keepNow, keys.keepLater];
      const args = [member, String(index), state ? asJson(state) : ''];
      const answer = await redis.catwalkKeepSettle(scriptKeys.length, ...scriptKeys, ...args);
      const [written, pending, waits] = Settled.parse(answer);
      return { written: written === 1, pending, waits: waits === '1' };
    },
    async overdue(since, most) {
      const [now, later] = await Promise.all([
        redis.zrange(keys.keepNow, '0', String(most - 1)),
        redis.zrangebyscore(keys.keepLater, '-inf', since, 'LIMIT', 0, most),
      ]);
      return [...now, ...later].flatMap(owedBy);
    },
  };
}

/** `state` comes first: the scripts know a pending one by how it begins. */
function asJson({ state, ...rest }: KeptState): string {
  return JSON.stringify({ state, ...rest });
}

function keptResults(flat: readonly string[]): KeptResults | undefined {
  if (flat.length === 0) return undefined;
  const states = new Map<number, KeptState>();
  let tenant = '';
  let waits = false;
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [field = '', value = ''] = [flat[at], flat[at + 1]];
    if (field === 'tenant') tenant = value;
    else if (field === 'waits') waits = value === '1';
    else states.set(Number(field), KeptState.parse(JSON.parse(value)));
  }
  return { tenant, waits, states };
}

function owedBy(member: string): (Owed & { tryUntil: number })[] {
  const [id = '', index, tryUntil] = member.split('/');
  return generationId(id).map((parsed) => ({
    id: parsed,
    index: Number(index),
    tryUntil: Number(tryUntil),
    member,
  }));
}

function generationId(text: string): GenerationId[] {
  const parsed = GenerationId.safeParse(text);
  return parsed.success ? [parsed.data] : [];
}
