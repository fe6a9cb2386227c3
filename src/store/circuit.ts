import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { coalesce } from './coalesce.ts';
import type { Keys } from './keys.ts';

/**
 * The circuit breakers of one provider, one for each model, shared by the whole fleet. After some
 * failures in a row a circuit opens: submissions wait in place instead of being spent on a provider
 * that is down. When its time is over one submission is let through as a probe. If that works the
 * circuit closes; if not, it opens again for twice as long.
 */
export interface Circuits {
  /** Whether a submission may be sent now. A probe keeps the others back until it is reported. */
  ask(model: string): Promise<Permit>;
  /** How a permitted submission went, and what is new because of it, for whoever watches. */
  report(model: string, permit: Sendable, went: Went): Promise<CircuitNews>;
}

/** `go`: the circuit is closed; `clean` when nothing has failed lately. A probe has a name. */
export type Sendable =
  | { readonly kind: 'go'; readonly clean: boolean }
  | { readonly kind: 'probe'; readonly name: string };
/** `held`: ask again then (Unix ms). */
export type Permit = Sendable | { readonly kind: 'held'; readonly until: number };

/** `failed`: the provider gave no answer, or none that tells what became of the submission. */
export type Went = 'worked' | 'failed' | 'not-sent';

/** It opened (until then, Unix ms, at least), or it closed; undefined: no news. */
type CircuitNews = { readonly openUntil: number } | 'closed' | undefined;

export interface CircuitSettings {
  /** So many failures in a row open a circuit; 0: none ever opens. */
  readonly failures: number;
  /** How long it is open at first; doubles with each probe that fails. */
  readonly openMs: number;
  /** A probe that was never reported keeps the others back for so long. */
  readonly probeMs: number;
  /** So far apart are the moments at which held submissions may ask again. */
  readonly spacingMs: number;
}

/** The longest a provider is left alone. */
const LONGEST_OPEN_MS = 300_000;
/** A failure that long ago says nothing about now. */
const FAILURE_COUNTS_MS = 60_000;
/** While a probe is under way, nobody looks for its end sooner than this. */
const PROBE_LOOK_MS = 3_000;
const LIFETIME_MS = 24 * 3_600_000;

const Answer = z.tuple([z.enum(['go', 'probe', 'held']), z.string()]);

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkCircuitAsk(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkCircuitReport(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const script = (name: string): string =>
  readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');

/** The circuits in Redis. All that a closed one costs is a share of one HGETALL. */
export function createCircuits(options: {
  redis: Redis;
  keys: Keys;
  provider: string;
  settings: CircuitSettings;
  now: () => number;
}): Circuits {
  const { redis, settings, now } = options;
  const key = options.keys.circuits(options.provider);
  redis.defineCommand('catwalkCircuitAsk', { lua: script('circuit-ask') });
  redis.defineCommand('catwalkCircuitReport', { lua: script('circuit-report') });

  const readSoon = coalesce(async (models: string[]) => {
    const circuits = await redis.hgetall(key);
    return models.map((model) => circuits[model]);
  });

  async function askOpen(model: string): Promise<Permit> {
    const args = [model, now(), settings.probeMs, PROBE_LOOK_MS, settings.spacingMs].map(String);
    const [kind, about] = Answer.parse(await redis.catwalkCircuitAsk(1, key, ...args));
    if (kind === 'go') return { kind, clean: false };
    return kind === 'probe' ? { kind, name: about } : { kind, until: Number(about) };
  }

  return {
    async ask(model) {
      const circuit = settings.failures > 0 ? await readSoon(model) : undefined;
      if (circuit === undefined) return { kind: 'go', clean: true };
      return openUntilOf(circuit) > 0 ? askOpen(model) : { kind: 'go', clean: false };
    },

    async report(model, permit, went) {
      const isNews = permit.kind === 'probe' || went === 'failed' || !permit.clean;
      if (settings.failures === 0 || !isNews) return undefined;
      const limits = [settings.openMs, LONGEST_OPEN_MS, FAILURE_COUNTS_MS, LIFETIME_MS];
      const probe = permit.kind === 'probe' ? permit.name : '';
      const args = [model, went, probe, now(), settings.failures, ...limits].map(String);
      const news = z.string().parse(await redis.catwalkCircuitReport(1, key, ...args));
      if (news === '' || news === 'closed') return news || undefined;
      return { openUntil: Number(news) };
    },
  };
}

/** The models of a provider whose circuits are open, and until when (Unix ms) at least. */
export async function openCircuits(
  redis: Redis,
  keys: Keys,
  provider: string,
): Promise<Readonly<Record<string, number>>> {
  const circuits = Object.entries(await redis.hgetall(keys.circuits(provider)));
  const untils = circuits.map(([model, circuit]) => [model, openUntilOf(circuit)] as const);
  return Object.fromEntries(untils.filter(([, until]) => until > 0));
}

/** What the scripts write: failures, times opened, open until, probe, last failure, end of the line. */
function openUntilOf(circuit: string): number {
  return Number(circuit.split(' ')[2]);
}
