import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { coalesce } from './coalesce.ts';
import type { Keys } from './keys.ts';

/**
 * The circuit breakers of one provider, one for each model, shared by the whole fleet. A circuit is
 * closed at first; trouble with some different generations in a row opens it, and submissions wait in
 * place instead of being spent on a provider that is down or takes nothing from us. When its time is
 * over it is half-open: one submission is let through as a probe. Its success closes the circuit; its
 * failure opens it again for twice as long.
 * What was refused to one tenant alone keeps back that tenant alone.
 */
export interface Circuits {
  /** Whether it may be sent now. A probe keeps the others back until it is reported. */
  ask(submission: Submission): Promise<Permit>;
  /** What a permitted one showed, and what is new because of it, for whoever watches. */
  report(submission: Submission, permit: Granted, result: SubmissionResult): Promise<CircuitNews>;
}

/** Whose submission it is, and of what. */
export interface Submission {
  readonly id: string;
  readonly tenant: string;
  readonly model: string;
  /** Nothing has gone wrong with it yet: it makes the better probe. */
  readonly isFresh: boolean;
}

/** By the circuit's state. `clean`: nothing has failed lately. `probe` names the one let through. */
export type Granted =
  | { readonly kind: 'closed'; readonly clean: boolean }
  | { readonly kind: 'half-open'; readonly probe: string };
/** `open`, or another is the probe: ask again then (Unix ms). */
export type Permit =
  | Granted
  | { readonly kind: 'open'; readonly until: number; readonly met: Trouble };

/** What opens a circuit: silence and answers that tell nothing, our key refused, nothing to pay with. */
const TROUBLES = ['failure', 'unauthorized', 'out_of_credit'] as const;
export type Trouble = (typeof TROUBLES)[number];

/**
 * What a permitted submission showed of its provider. `success`: it is there. `failure`: it gave no
 * answer, or none that tells what became of the submission. `unauthorized`, `out_of_credit`: it is
 * there, and takes nothing for our account's sake, or this one. `ignored`: nothing was learned; a
 * probe gives its place to the next.
 */
export type SubmissionResult = 'success' | Trouble | 'ignored';

/** An open circuit. */
export interface OpenCircuit {
  /** So long (Unix ms), at least. */
  readonly openUntil: number;
  readonly met: Trouble;
  /** Whom alone it keeps back; undefined: everybody. */
  readonly tenant: string | undefined;
}

/** It opened, or a probe found that it is not over (`again`), or it closed; undefined: no news. */
type CircuitNews = (OpenCircuit & { readonly again: boolean }) | 'closed' | undefined;

export interface CircuitSettings {
  /** So many different generations in a row open a circuit; 0: none ever opens. */
  readonly failures: number;
  /** The same, of failures that leave it unknown what became of each. */
  readonly lostAnswers: number;
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
/** What was refused is refused until somebody mends it; and a quiet shop asks for little. */
const REFUSAL_COUNTS_MS = 600_000;
/** Who is kept back by a probe asks again no sooner than this. */
const ASK_AGAIN_MS = 3_000;
/** So long a half-open circuit waits for one that has not failed before. */
const FRESH_FIRST_MS = 3_000;
const LIFETIME_MS = 24 * 3_600_000;

const Met = z.enum(TROUBLES).catch('failure');
const Answer = z.tuple([z.enum(['closed', 'half-open', 'open']), z.string(), Met]);
const Listed = z.tuple([z.string(), z.coerce.number(), Met, z.string()]);
const News = z.union([
  z.tuple([]),
  z.tuple([z.literal('closed')]),
  z.tuple([z.literal('open'), z.coerce.number(), Met, z.string(), z.string()]),
]);

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
    const known = (await redis.exists(key)) ? await list(redis, key) : [];
    const openUntil = new Map(known.map(([model, until]) => [model, until]));
    return models.map((model) => openUntil.get(model));
  });

  async function askOpen({ model, tenant, isFresh }: Submission): Promise<Permit> {
    const times = [now(), settings.probeMs, ASK_AGAIN_MS, FRESH_FIRST_MS, settings.spacingMs];
    const args = [model, tenant, isFresh ? 'fresh' : '', ...times.map(String)];
    const [kind, about, met] = Answer.parse(await redis.catwalkCircuitAsk(1, key, ...args));
    if (kind === 'closed') return { kind, clean: false };
    return kind === 'half-open' ? { kind, probe: about } : { kind, until: Number(about), met };
  }

  return {
    async ask(submission) {
      const openUntil = settings.failures > 0 ? await openUntilSoon(submission.model) : undefined;
      if (openUntil === undefined) return { kind: 'closed', clean: true };
      return openUntil > 0 ? askOpen(submission) : { kind: 'closed', clean: false };
    },

    async report({ model, id, tenant }, permit, result) {
      const showsTrouble = result !== 'success' && result !== 'ignored';
      const mayMatter = permit.kind === 'half-open' || showsTrouble || !permit.clean;
      if (settings.failures === 0 || !mayMatter) return undefined;
      const probe = permit.kind === 'half-open' ? permit.probe : '';
      const most = result === 'failure' ? settings.lostAnswers : settings.failures;
      const limits = [most, settings.openMs, LONGEST_OPEN_MS];
      const lasting = [FAILURE_COUNTS_MS, REFUSAL_COUNTS_MS, LIFETIME_MS];
      const numbers = [now(), ...limits, ...lasting].map(String);
      const args = [model, id, tenant, result, probe, ...numbers];
      const news = News.parse(await redis.catwalkCircuitReport(1, key, ...args));
      if (news[0] !== 'open') return news[0];
      const [, openUntil, met, only, again] = news;
      return { openUntil, met, tenant: only || undefined, again: again !== '' };
    },
  };
}

/** The models of a provider whose circuits are open or half-open (`openUntil` is past). */
export async function openCircuits(
  redis: Redis,
  keys: Keys,
  provider: string,
): Promise<Readonly<Record<string, OpenCircuit>>> {
  defineScripts(redis);
  const known = await list(redis, keys.circuits(provider));
  const open = known.filter(([, openUntil]) => openUntil > 0);
  return Object.fromEntries(
    open.map(([model, openUntil, met, only]) => {
      return [model, { openUntil, met, tenant: only || undefined }];
    }),
  );
}

/** Those that have failed lately; `openUntil` is 0 where one is closed. */
async function list(redis: Redis, key: string): Promise<z.infer<typeof Listed>[]> {
  const flat = z.array(z.string()).parse(await redis.catwalkCircuitList(1, key));
  const known: z.infer<typeof Listed>[] = [];
  for (let i = 0; i < flat.length; i += 4) known.push(Listed.parse(flat.slice(i, i + 4)));
  return known;
}
