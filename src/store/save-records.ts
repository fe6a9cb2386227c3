import { readFileSync } from 'node:fs';
import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { Defect } from '../generation/errors.ts';
import { GenerationEvent } from '../generation/events.ts';
import {
  type FinalGeneration,
  type Generation,
  type InState,
  isFinal,
} from '../generation/generation.ts';
import type { Keys } from './keys.ts';
import { decoded, encodeRecord, type Read } from './record-format.ts';

/**
 * The record as it now is: saved with a higher version, or somebody else's newer one, or gone. A
 * Defect also when what was to be saved is no record: then nothing was written.
 * `parked`: what deliveries said about its task before anyone knew whose task it was.
 */
export type SaveResult =
  | { saved: true; generation: Generation; parked: readonly GenerationEvent[] }
  | { saved: false; current: Read };

export interface SaveParts {
  readonly redis: Redis;
  readonly keys: Keys;
  /** How long a final record whose subscribers were notified can still be read. */
  readonly retentionMs: number;
  /** The providers whose deliveries name only a task; see mailbox.ts. */
  readonly matchedByTask: ReadonlySet<string>;
  /** The providers whose running tasks are counted; see places.ts. */
  readonly counted: ReadonlySet<string>;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkSave(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

/** What is to be saved, as it will stand in Redis; or why it cannot be saved at all. */
type Fit = { generation: Generation; value: string };
type Unfit = { unfit: Defect };

const Answers = z.array(z.union([z.array(z.string()), z.string(), z.null()]));

/** What was to be saved, and what the script says of it. */
type Written = Unfit | (Fit & { answer: z.infer<typeof Answers>[number] });

/** Vtryon repeats a delivery for up to 24 h. */
const TASK_ENTRY_MS = 25 * 3_600_000;

/** How long after its generation's end an app's idempotency key is remembered. */
const ONCE_AFTER_END_MS = 24 * 3_600_000;

/** Before the first `writeRecords` on a connection. A second time changes nothing. */
export function defineSave(redis: Redis): void {
  const lua = readFileSync(new URL('./save.lua', import.meta.url), 'utf8');
  redis.defineCommand('catwalkSave', { lua });
}

/** Compare-and-set on the version each carries, in one round trip, or in none if nothing fits. */
export async function writeRecords(
  parts: SaveParts,
  generations: readonly Generation[],
): Promise<Written[]> {
  const all = generations.map(encoded);
  const fit = all.filter((one): one is Fit => 'value' in one);
  const scriptKeys = fit.flatMap(({ generation }) => keysFor(parts, generation));
  const args = fit.flatMap((one) => argsFor(parts, one));
  const answers =
    fit.length === 0
      ? []
      : Answers.parse(await parts.redis.catwalkSave(scriptKeys.length, ...scriptKeys, ...args));
  let next = 0;
  return all.map((one) => ('unfit' in one ? one : { ...one, answer: answers[next++] ?? null }));
}

/** What became of one write. */
export function saveResult(written: Written): SaveResult {
  if ('unfit' in written) return { saved: false, current: written.unfit };
  const { generation, value, answer } = written;
  // Our own: ioredis sent the same write twice because a connection broke.
  if (answer === value) return { saved: true, generation, parked: [] };
  if (Array.isArray(answer)) {
    return { saved: true, generation, parked: answer.flatMap(parkedEvent) };
  }
  return { saved: false, current: decoded(answer) };
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

function keysFor(parts: SaveParts, g: Generation): string[] {
  const { keys } = parts;
  const record = keys.record(g.id);
  const schedule = keys.schedule(g.provider);
  // Of a provider where nobody counts, the key stands for none.
  const running = parts.counted.has(g.provider) ? keys.running(g.provider) : record;
  if (isMatchedByTask(parts, g)) {
    const { id } = g.task;
    const mailbox = [keys.task(g.provider, id), keys.parked(g.provider, id)];
    return [record, schedule, ...mailbox, running];
  }
  const once = hasJustEnded(g) ? keys.idempotency(g.tenant, g.onceKey) : record;
  return [record, schedule, once, record, running];
}

function argsFor(parts: SaveParts, { generation: g, value }: Fit): string[] {
  const lifetime = isFinal(g) && g.dueAt === undefined ? String(parts.retentionMs) : '';
  const taskLifetime = isMatchedByTask(parts, g) ? String(TASK_ENTRY_MS) : '';
  const onceLifetime = hasJustEnded(g) ? String(ONCE_AFTER_END_MS) : '';
  const runningSince = parts.counted.has(g.provider) ? (runningSinceOf(g) ?? '-') : '';
  return [
    ...[g.id, String(g.version - 1), value, String(g.dueAt ?? '')],
    ...[lifetime, taskLifetime, onceLifetime, String(runningSince)],
  ];
}

/** Not everybody is notified yet: its end is written now, or was a moment ago. */
function hasJustEnded(g: Generation): g is FinalGeneration & { onceKey: string } {
  return isFinal(g) && g.dueAt !== undefined && g.onceKey !== undefined;
}

/** Since when the provider may be working on it (Unix ms); undefined: it certainly is not. */
function runningSinceOf(g: Generation): number | undefined {
  if (g.state === 'submitted') return g.submittedAt;
  return g.state === 'submitting' || g.state === 'unconfirmed' ? g.firstSentAt : undefined;
}

function isMatchedByTask({ matchedByTask }: SaveParts, g: Generation): g is InState<'submitted'> {
  return g.state === 'submitted' && matchedByTask.has(g.provider);
}

/** What an older or newer process parked in another shape is passed over; a poll will tell. */
function parkedEvent(json: string): GenerationEvent[] {
  try {
    return [GenerationEvent.parse(JSON.parse(json))];
  } catch {
    return [];
  }
}
