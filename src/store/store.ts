import { CatwalkError } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import { coalesce } from './coalesce.ts';
import {
  type Admission,
  type CreateParts,
  createRecord,
  defineCreate,
  type Earlier,
  type OnceEntry,
} from './create-record.ts';
import { decoded, type Read } from './record-format.ts';
import {
  defineSave,
  type SaveParts,
  type SaveResult,
  saveResult,
  writeRecords,
} from './save-records.ts';

export interface Store {
  /**
   * Records a new generation and when it is next due, in one step.
   * @returns undefined when it is recorded; otherwise what the same idempotency key made before,
   *   and nothing has been written.
   * @throws TooMany when its tenant asks for more than it may; nothing has been written.
   */
  create(
    generation: Generation & { dueAt: number },
    once?: OnceEntry,
    admission?: Admission,
  ): Promise<Earlier | undefined>;
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

/**
 * All reads and writes of records. Every error is ioredis's own (Redis away, command timed out).
 * @param parts.matchedByTask whoever saves must know them: a save that does not tell whose task it is
 *   leaves its deliveries parked until a poll finds out.
 */
export function createStore(parts: SaveParts & CreateParts): Store {
  const { redis, keys } = parts;
  defineCreate(redis);
  defineSave(redis);

  const read = async (ids: readonly string[]): Promise<(string | null)[]> =>
    ids.length === 0 ? [] : redis.mget(ids.map(keys.record));
  const write = (generations: readonly Generation[]) => writeRecords(parts, generations);

  // Decoded after the shared round trip, so that one unreadable record fails its own caller only.
  const readSoon = coalesce(read);
  const writeSoon = coalesce(write);

  return {
    create: (generation, once, admission) => createRecord(parts, generation, { once, admission }),
    loadAll: async (ids) => (await read(ids)).map(decoded),
    load: async (id) => {
      const found = decoded(await readSoon(id));
      if (found instanceof CatwalkError) throw found;
      return found;
    },
    saveAll: async (generations) => (await write(generations)).map(saveResult),
    save: async (generation) => saveResult(await writeSoon(generation)),
  };
}
