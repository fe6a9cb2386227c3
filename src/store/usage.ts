import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { chargeOf } from '../generation/advice.ts';
import type { FinalGeneration, Generation } from '../generation/generation.ts';
import { OUTCOMES } from '../generation/verdicts.ts';
import { coalesce } from './coalesce.ts';
import type { Keys } from './keys.ts';

/** What a tenant used of one model on one day. */
interface ModelUsage {
  readonly provider: string;
  readonly model: string;
  /** Asked for on this day. */
  readonly asked: number;
  /** Ended on this day, by outcome. */
  readonly ended: Readonly<Partial<Record<FinalGeneration['state'], number>>>;
  /** Successes that were told after another end, which is counted as well. */
  readonly late: number;
  /** As the provider reported it, in its own units. */
  readonly charged: readonly { readonly amount: number; readonly unit: string }[];
  /** Where it reports nothing: how many at which published price. That is no bill. */
  readonly listed: readonly { readonly listPrice: string; readonly count: number }[];
}

interface DayUsage {
  /** In UTC, as `2027-01-31`. */
  readonly date: string;
  readonly models: readonly ModelUsage[];
}

export interface Usage {
  /** Counts an accepted request. Those of one turn of the event loop share a round trip. */
  asked(generation: Generation): Promise<void>;
  /** Counts each end once, however often it is called with it. One round trip. */
  ended(finished: readonly FinalGeneration[]): Promise<void>;
  /** The last days, today first. One round trip. */
  lastDays(tenant: string, count: number, nowMs: number): Promise<DayUsage[]>;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkUsage(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const DAY_MS = 24 * 3_600_000;
/** Days that can be read, today included. */
export const MOST_DAYS = 35;
const LIFETIME_MS = String((MOST_DAYS + 1) * DAY_MS);

/** A field of a day: provider, model, what, and of what. */
const Field = z.tuple([z.string(), z.string(), z.string(), z.string()]);
type What = 'asked' | 'ended' | 'late' | 'charged' | 'listed';
const fieldOf = ({ provider, model }: Generation, what: What, of = ''): string =>
  JSON.stringify([provider, model, what, of]);

/** @param parts.retentionMs so long it is remembered that a generation was counted. */
export function createUsage(parts: { redis: Redis; keys: Keys; retentionMs: number }): Usage {
  const { redis, keys } = parts;
  const lua = readFileSync(new URL('./usage.lua', import.meta.url), 'utf8');
  redis.defineCommand('catwalkUsage', { lua });
  const keyOf = ({ tenant }: Generation, unixMs: number) => keys.usage(tenant, dateOf(unixMs));

  return {
    asked: coalesce(async (generations: Generation[]) => {
      const pipeline = redis.pipeline();
      for (const g of generations) {
        const key = keyOf(g, g.createdAt);
        pipeline.hincrby(key, fieldOf(g, 'asked'), 1).pexpire(key, LIFETIME_MS);
      }
      for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
      return generations.map(() => undefined);
    }),
    async ended(finished) {
      if (finished.length === 0) return;
      const scriptKeys = finished.flatMap((g) => [keys.counted(g.id), keyOf(g, g.finishedAt)]);
      const args = [String(parts.retentionMs), LIFETIME_MS, ...finished.flatMap(argsOf)];
      await redis.catwalkUsage(scriptKeys.length, ...scriptKeys, ...args);
    },
    async lastDays(tenant, count, nowMs) {
      const dates = Array.from({ length: count }, (_, day) => dateOf(nowMs - day * DAY_MS));
      const pipeline = redis.pipeline();
      for (const date of dates) pipeline.hgetall(keys.usage(tenant, date));
      const answers = (await pipeline.exec()) ?? [];
      return answers.map(([error, stored], day) => {
        if (error) throw error;
        const fields = z.record(z.string(), z.string()).parse(stored);
        return { date: dates[day] ?? '', models: modelsIn(fields) };
      });
    },
  };
}

function argsOf(g: FinalGeneration): string[] {
  const charge = chargeOf(g);
  const counts = [
    g.id.slice('gen_'.length),
    g.state,
    fieldOf(g, 'ended', g.state),
    fieldOf(g, 'late'),
  ];
  if (!charge) return [...counts, '', ''];
  return charge.source === 'reported'
    ? [...counts, fieldOf(g, 'charged', charge.unit), asDecimal(charge.amount)]
    : [...counts, fieldOf(g, 'listed', charge.listPrice), '1'];
}

/** Never with an exponent; providers charge in no finer parts. */
function asDecimal(amount: number): string {
  return amount.toFixed(9).replace(/\.?0+$/, '');
}

function dateOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 10);
}

function modelsIn(fields: Readonly<Record<string, string>>): ModelUsage[] {
  const models = new Map<string, Counted>();
  for (const [field, value] of Object.entries(fields)) {
    const [provider, model, what, of] = Field.parse(JSON.parse(field));
    const name = JSON.stringify([provider, model]);
    const counted = models.get(name) ?? { provider, model, ...nothing() };
    models.set(name, counted);
    // Sums of decimals in binary: 0.1 + 0.2.
    count(counted, what, of, Number(Number(value).toFixed(9)));
  }
  return [...models.keys()].sort().flatMap((name) => models.get(name) ?? []);
}

interface Counted extends ModelUsage {
  asked: number;
  late: number;
  ended: Partial<Record<FinalGeneration['state'], number>>;
  charged: { amount: number; unit: string }[];
  listed: { listPrice: string; count: number }[];
}

function nothing(): Omit<Counted, 'provider' | 'model'> {
  return { asked: 0, ended: {}, late: 0, charged: [], listed: [] };
}

/** What a newer process counts besides is passed over. */
function count(counted: Counted, what: string, of: string, value: number): void {
  const outcome = OUTCOMES.find((one) => one === of);
  if (what === 'asked') counted.asked = value;
  if (what === 'late') counted.late = value;
  if (what === 'ended' && outcome) counted.ended[outcome] = value;
  if (what === 'charged') counted.charged.push({ amount: value, unit: of });
  if (what === 'listed') counted.listed.push({ listPrice: of, count: value });
}
