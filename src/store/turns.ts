import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import type { Generation } from '../generation/generation.ts';
import { GenerationId } from '../generation/ids.ts';
import { laneOf } from '../generation/standing.ts';
import { coalesce } from './coalesce.ts';
import { type HealParts, idlePlaces } from './idle-places.ts';
import type { Keys } from './keys.ts';

/** That a generation is to be sent now: it has a place, and stands before all that wait. */
export interface Turn {
  readonly id: GenerationId;
  readonly provider: string;
  /** When it got it (Unix ms). */
  readonly at: number;
}

/** How fast a provider may be used. */
export interface Pace {
  /** Tasks at once; undefined where nobody says. */
  readonly places: number | undefined;
  /** Turns at once: so many are ready to be sent, and stand before whoever comes next. */
  readonly window: number;
}

/**
 * Whose turn it is at each provider. The scripts that record and save generations move them through
 * these lines in the same step; here is what happens besides. See turns.lua.
 */
export interface Turns {
  /**
   * Puts a queued generation into its tenant's line, unless it is there. Those of one turn of the
   * event loop travel together.
   * @returns its turn, if it has it (by) now.
   */
  enter(generation: Generation): Promise<Turn | undefined>;
  /** One of the few that have had their turns for longest, for whoever has nothing else to send. */
  oldest(provider: string): Promise<GenerationId | undefined>;
  /** It has no use for its turn, if it still has one. */
  giveBack(generation: Pick<Generation, 'id' | 'tenant' | 'provider'>): Promise<void>;
  /**
   * Notes how fast a provider may be used, gives out what is free, and answers turns older than
   * `leaseMs` that have not begun: their jobs may be lost.
   */
  tend(provider: string, pace: Pace, leaseMs: number): Promise<readonly Turn[]>;
  /**
   * Frees the places of what does not run: it ended, is gone, or nobody has known of it for long. A
   * crash between two steps leaves such, or a release that knows no turns. @returns how many.
   */
  heal(provider: string): Promise<number>;
}

/** Adds the jobs of those whose turn it is. Never rejects: a turn without a job is tended later. */
export type OnTurns = (turns: readonly Turn[]) => Promise<void>;

/** Among so many one is chosen, so that not all choose the same. */
const OLDEST = 4;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkTurnsEnter(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkTurnsTend(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkTurnsLeave(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkTurnsSweep(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const lua = (name: string): string =>
  readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');

/** A script after what it needs. */
export function withTurns(...names: readonly string[]): string {
  return ['turns', ...names].map(lua).join('\n');
}

const Flat = z.array(z.string());
const Entered = z.tuple([Flat, Flat]);
const Left = z.tuple([z.number(), Flat]);

/** What a script answers: id, provider and time of each. */
export function turnsIn(flat: readonly string[]): Turn[] {
  const turns: Turn[] = [];
  for (let at = 0; at + 2 < flat.length; at += 3) {
    const [name, provider = '', time] = flat.slice(at, at + 3);
    // What is none of ours has no turn: somebody wrote it by hand.
    const id = GenerationId.safeParse(name);
    if (id.success) turns.push({ id: id.data, provider, at: Number(time) });
  }
  return turns;
}

interface TurnsParts extends HealParts {
  /** Tasks at once, where the pace is not noted yet; undefined: nobody says. */
  readonly placesAt: (provider: string) => number | undefined;
  readonly onTurns: OnTurns;
}

export function createTurns(parts: TurnsParts): Turns {
  const { redis, keys, placesAt, onTurns, now } = parts;
  for (const [name, file] of [
    ['catwalkTurnsEnter', 'turns-enter'],
    ['catwalkTurnsTend', 'turns-tend'],
    ['catwalkTurnsLeave', 'turns-leave'],
    ['catwalkTurnsSweep', 'turns-sweep'],
  ] as const) {
    redis.defineCommand(name, { lua: withTurns(file) });
  }

  const enter = coalesce(async (generations: Generation[]) => {
    const args = generations.flatMap((g) => entryOf(g, placesAt(g.provider)));
    const all = [keys.shares, keys.prefix, String(now()), ...args];
    const answer = await redis.catwalkTurnsEnter(1, ...all);
    const [own, given] = Entered.parse(answer);
    const asked = new Set<string>(generations.map(({ id }) => id));
    hear(
      onTurns,
      turnsIn(given).filter(({ id }) => !asked.has(id)),
    );
    return generations.map(({ id, provider }, i): Turn | undefined =>
      own[i] ? { id, provider, at: Number(own[i]) } : undefined,
    );
  });

  async function leave(provider: string, flat: readonly string[]): Promise<number> {
    const args = [keys.prefix, provider, String(now()), ...flat];
    const [left, given] = Left.parse(await redis.catwalkTurnsLeave(1, keys.shares, ...args));
    hear(onTurns, turnsIn(given));
    return left;
  }

  return {
    enter,
    async oldest(provider) {
      const ids = await redis.zrange(keys.turns(provider), '0', String(OLDEST - 1));
      return GenerationId.safeParse(ids[Math.floor(Math.random() * ids.length)]).data;
    },
    giveBack: async ({ id, tenant, provider }) => {
      await leave(provider, [id, tenant, '']);
    },
    async tend(provider, { places, window }, leaseMs) {
      const time = now();
      const pace = [String(places ?? ''), String(window), String(time - leaseMs)];
      const args = [keys.prefix, provider, String(time), ...pace];
      const answer = await redis.catwalkTurnsTend(1, keys.shares, ...args);
      const [given, stale] = Entered.parse(answer);
      hear(onTurns, turnsIn(given));
      return turnsIn(stale.flatMap((part, i) => (i % 2 === 0 ? [part, provider] : [part])));
    },
    async heal(provider) {
      const idle = await idlePlaces(parts, provider);
      const left = idle.length === 0 ? 0 : await leave(provider, idle);
      await redis.catwalkTurnsSweep(1, keys.shares, keys.prefix, provider);
      return left;
    },
  };
}

function entryOf(g: Generation, places: number | undefined): string[] {
  const { id, provider, tenant, createdAt, version } = g;
  const numbers = [createdAt, places ?? '', version].map(String);
  return [id, provider, tenant, laneOf(g), ...numbers];
}

function hear(onTurns: OnTurns, turns: readonly Turn[]): void {
  if (turns.length > 0) void onTurns(turns);
}

/** How many have a turn at a provider, or may be running there. */
export function countRunning(redis: Redis, keys: Keys, provider: string): Promise<number> {
  return redis.zcard(keys.running(provider));
}
