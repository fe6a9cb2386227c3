import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { CatwalkError, Defect, type NotKnownHere } from '../generation/errors.ts';
import { GenerationEvent } from '../generation/events.ts';
import { type Generation, type InState, isFinal } from '../generation/generation.ts';
import { coalesce } from './coalesce.ts';
import type { Keys } from './keys.ts';
import { decodeRecord, encodeRecord } from './record-format.ts';

/**
 * A record; undefined when there is none; a Defect when it is there and cannot be read, NotKnownHere
 * when only newer code can.
 */
export type Read = Generation | Defect | NotKnownHere | undefined;

/**
 * The record as it now is: saved with a higher version, or somebody else's newer one, or gone. A
 * Defect also when what was to be saved is no record: then nothing was written.
 * `parked`: what deliveries said about its task before anyone knew whose task it was.
 */
export type SaveResult =
  | { saved: true; generation: Generation; parked: readonly GenerationEvent[] }
  | { saved: false; current: Read };

/** What an app's own idempotency key was used for. */
interface OnceEntry {
  readonly key: string;
  readonly bodyFingerprint: string;
  /** How long it is remembered; 24 h unless told. */
  readonly lifetimeMs?: number;
}

export interface Store {
  /**
   * Records a new generation and when it is next due, in one step.
   * @returns undefined when it is recorded; otherwise what the same idempotency key made before,
   *   and nothing has been written.
   */
  create(
    generation: Generation & { dueAt: number },
    once?: OnceEntry,
  ): Promise<{ id: string; bodyFingerprint: string } | undefined>;
  /**
   * One generation; undefined when unknown or past its retention.
   * @throws Defect if unreadable. NotKnownHere if only newer code can read it.
   */
  load(id: string): Promise<Generation | undefined>;
  /** Many generations in one round trip, in the order asked. */
  loadAll(ids: readonly string[]): Promise<Read[]>;
  /** Compare-and-set on the version each carries. One round trip; each stands for itself. */
  saveAll(generations: readonly Generation[]): Promise<SaveResult[]>;
  /** As `saveAll` for one; those of one turn of the event loop travel together. */
  save(generation: Generation): Promise<SaveResult>;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkCreate(keyCount: number, ...args: string[]): Result<unknown, Context>;
    catwalkSave(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

const script = (name: string): string =>
  readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');

/** What is to be saved, as it will stand in Redis. */
interface Fit {
  generation: Generation;
  value: string;
}

/** Why it cannot be saved at all. */
interface Unfit {
  unfit: Defect;
}

/** What was to be saved, and what the script says of it. */
type Written = Unfit | Asked;

interface Asked extends Fit {
  answer: z.infer<typeof Answers>[number];
}

const Answers = z.array(z.union([z.array(z.string()), z.string(), z.null()]));
const ONCE_LIFETIME_MS = 24 * 3_600_000;
/** Vtryon repeats a delivery for up to 24 h. */
const TASK_ENTRY_MS = 25 * 3_600_000;

/**
 * All reads and writes of records. Every error is ioredis's own (Redis away, command timed out).
 * @param options.retentionMs how long a told, final record can still be read.
 * @param options.matchedByTask the providers whose deliveries name only a task; see mailbox.ts.
 *   Whoever saves must know them: a save that does not tell whose task it is leaves its deliveries
 *   parked until a poll finds out.
 */
export function createStore(options: {
  redis: Redis;
  keys: Keys;
  retentionMs: number;
  matchedByTask: ReadonlySet<string>;
}): Store {
  const { redis, keys, retentionMs } = options;
  redis.defineCommand('catwalkCreate', { lua: script('create') });
  redis.defineCommand('catwalkSave', { lua: script('save') });

  const read = async (ids: readonly string[]): Promise<(string | null)[]> =>
    ids.length === 0 ? [] : redis.mget(ids.map(keys.record));

  const isMatchedByTask = (g: Generation): g is InState<'submitted'> =>
    g.state === 'submitted' && options.matchedByTask.has(g.provider);

  const keysFor = (g: Generation): string[] => {
    const record = keys.record(g.id);
    const mailbox = isMatchedByTask(g)
      ? [keys.task(g.provider, g.task.id), keys.parked(g.provider, g.task.id)]
      : [record, record];
    return [record, keys.schedule(g.provider), ...mailbox];
  };

  const argsFor = ({ generation: g, value }: Fit): string[] => {
    const lifetime = isFinal(g) && g.dueAt === undefined ? String(retentionMs) : '';
    const taskLifetime = isMatchedByTask(g) ? String(TASK_ENTRY_MS) : '';
    return [g.id, String(g.version - 1), value, String(g.dueAt ?? ''), lifetime, taskLifetime];
  };

  const write = async (generations: readonly Generation[]): Promise<Written[]> => {
    const all = generations.map(encoded);
    const fit = all.filter((one): one is Fit => 'value' in one);
    const scriptKeys = fit.flatMap(({ generation }) => keysFor(generation));
    const args = fit.flatMap(argsFor);
    const answers =
      fit.length === 0
        ? []
        : Answers.parse(await redis.catwalkSave(scriptKeys.length, ...scriptKeys, ...args));
    let next = 0;
    return all.map((one) => ('unfit' in one ? one : { ...one, answer: answers[next++] ?? null }));
  };

  // Decoded after the shared round trip, so that one unreadable record fails its own caller only.
  const readSoon = coalesce(read);
  const writeSoon = coalesce(write);

  return {
    loadAll: async (ids) => (await read(ids)).map(decoded),
    load: async (id) => {
      const found = decoded(await readSoon(id));
      if (found instanceof CatwalkError) throw found;
      return found;
    },
    saveAll: async (generations) => (await write(generations)).map(saveResult),
    save: async (generation) => saveResult(await writeSoon(generation)),

    async create(generation, once) {
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
    },
  };
}

/** A stored record as `Read` says. */
export function decoded(value: string | null): Read {
  if (value === null) return undefined;
  try {
    return decodeRecord(value);
  } catch (error) {
    // It says what it throws.
    return error as Defect | NotKnownHere;
  }
}

/** With the version that it is to have. What is no record fails alone. */
function encoded(read: Generation): Fit | Unfit {
  const generation = { ...read, version: read.version + 1 };
  try {
    return { generation, value: encodeRecord(generation) };
  } catch (cause) {
    const unfit = cause instanceof Defect ? cause : undefined;
    return { unfit: unfit ?? new Defect('A generation that is no JSON is not saved.', { cause }) };
  }
}

function saveResult(written: Written): SaveResult {
  if ('unfit' in written) return { saved: false, current: written.unfit };
  const { generation, value, answer } = written;
  // Our own: ioredis sent the same write twice because a connection broke.
  if (answer === value) return { saved: true, generation, parked: [] };
  if (Array.isArray(answer)) {
    return { saved: true, generation, parked: answer.flatMap(parkedEvent) };
  }
  return { saved: false, current: decoded(answer) };
}

/** What an older or newer process parked in another shape is passed over; a poll will tell. */
function parkedEvent(json: string): GenerationEvent[] {
  try {
    return [GenerationEvent.parse(JSON.parse(json))];
  } catch {
    return [];
  }
}
