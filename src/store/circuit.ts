import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { coalesce } from './coalesce.ts';
import type { Keys } from './keys.ts';

/**
 * The circuit breakers of one provider, one for each model, shared by the whole fleet. A circuit is
 * closed at first; some failures in a row open it, and submissions wait in place instead of being
 * spent on a provider that is down. When its time is over it is half-open: one submission is let
 * through as a probe. Its success closes the circuit; its failure opens it again for twice as long.
 */
export interface Circuits {
  /** Whether a submission may be sent now. A probe keeps the others back until it is reported. */
  ask(model: string): Promise<Permit>;
  /** What a permitted submission showed, and what is new because of it, for whoever watches. */
  report(model: string, permit: Granted, result: SubmissionResult): Promise<CircuitNews>;
}

/** By the circuit's state. `clean`: nothing has failed lately. `probe` names the one let through. */
export type Granted =
  | { readonly kind: 'closed'; readonly clean: boolean }
  | { readonly kind: 'half-open'; readonly probe: string };
/** `open`, or another is the probe: ask again then (Unix ms). */
export type Permit = Granted | { readonly kind: 'open'; readonly until: number };

/**
 * What a permitted submission showed of its provider. `success`: it is there. `failure`: it gave no
 * answer, or none that tells what became of the submission. `ignored`: nothing was learned; a probe
 * gives its place to the next.
 */
export type SubmissionResult = 'success' | 'failure' | 'ignored';

/** It opened (until then, Unix ms, at least), or it closed; undefined: no news. */
type CircuitNews = { readonly openUntil: number } | 'closed' | undefined;

export interface CircuitSettings {
  /** So many failures in a row open a circuit; 0: none ever opens. */
  readonly failures: number;
  /** How long it is open at first; doubles with each probe that fails. */
  readonly openMs: number;
  /** A probe that was never reported keeps the others back for so long. */
  readonly probeMs: number;
  /** So far apart are the moments at which waiting submissions may ask again. */
  readonly spacingMs: number;
}

/** The longest a provider is left alone. */
const LONGEST_OPEN_MS = 300_000;
/** A failure that long ago says nothing about now. */
const FAILURE_COUNTS_MS = 60_000;
/** Who is kept back by a probe asks again no sooner than this. */
const ASK_AGAIN_MS = 3_000;
const LIFETIME_MS = 24 * 3_600_000;

const Answer = z.tuple([z.enum(['closed', 'half-open', 'open']), z.string()]);

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkCircuitList(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkCircuitAsk(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkCircuitReport(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const read = (name: string): string =>
  readFileSync(new URL(`./circuit-${name}.lua`, import.meta.url), 'utf8');
const script = (name: string) => ({ lua: `${read('fields')}\n${read(name)}` });
const SCRIPTS = {
  catwalkCircuitList: { ...script('list'), readOnly: true },
  catwalkCircuitAsk: script('ask'),
  catwalkCircuitReport: script('report'),
} as const;

/** A second time on the same connection changes nothing. */
function defineScripts(redis: Redis): void {
  for (const [name, definition] of Object.entries(SCRIPTS)) redis.defineCommand(name, definition);
}

/** The circuits in Redis. All that a closed one costs is a share of one EXISTS. */
export function createCircuits(options: {
  redis: Redis;
  keys: Keys;
  provider: string;
  settings: CircuitSettings;
  now: () => number;
}): Circuits {
  const { redis, settings, now } = options;
  const key = options.keys.circuits(options.provider);
  defineScripts(redis);

  const openUntilSoon = coalesce(async (models: string[]) => {
    // Where nothing has failed lately there is no key, and no script need run to say so.
    const known = (await redis.exists(key)) ? await list(redis, key) : new Map<string, number>();
    return models.map((model) => known.get(model));
  });

  async function askOpen(model: string): Promise<Permit> {
    const args = [model, now(), settings.probeMs, ASK_AGAIN_MS, settings.spacingMs].map(String);
    const [kind, about] = Answer.parse(await redis.catwalkCircuitAsk(1, key, ...args));
    if (kind === 'closed') return { kind, clean: false };
    return kind === 'half-open' ? { kind, probe: about } : { kind, until: Number(about) };
  }

  return {
    async ask(model) {
      const openUntil = settings.failures > 0 ? await openUntilSoon(model) : undefined;
      if (openUntil === undefined) return { kind: 'closed', clean: true };
      return openUntil > 0 ? askOpen(model) : { kind: 'closed', clean: false };
    },

    async report(model, permit, result) {
      const mayMatter = permit.kind === 'half-open' || result === 'failure' || !permit.clean;
      if (settings.failures === 0 || !mayMatter) return undefined;
      const limits = [settings.openMs, LONGEST_OPEN_MS, FAILURE_COUNTS_MS, LIFETIME_MS];
      const probe = permit.kind === 'half-open' ? permit.probe : '';
      const args = [model, result, probe, now(), settings.failures, ...limits].map(String);
      const news = z.string().parse(await redis.catwalkCircuitReport(1, key, ...args));
      if (news === '' || news === 'closed') return news || undefined;
      return { openUntil: Number(news) };
    },
  };
}

/** The models of a provider whose circuits are open or half-open, and since or until when (Unix ms). */
export async function openCircuits(
  redis: Redis,
  keys: Keys,
  provider: string,
): Promise<Readonly<Record<string, number>>> {
  defineScripts(redis);
  const known = await list(redis, keys.circuits(provider));
  return Object.fromEntries([...known].filter(([, openUntil]) => openUntil > 0));
}

/** Model → until when its circuit is open (Unix ms); 0 where it is closed, but has failed lately. */
async function list(redis: Redis, key: string): Promise<Map<string, number>> {
  const flat = z.array(z.string()).parse(await redis.catwalkCircuitList(1, key));
  const known = new Map<string, number>();
  for (let i = 0; i + 1 < flat.length; i += 2) known.set(flat[i] ?? '', Number(flat[i + 1]));
  return known;
}
