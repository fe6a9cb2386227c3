import type { Redis, Result } from 'ioredis';
import { z } from 'zod';
import { Defect, NotItsTurn } from '../generation/errors.ts';
import { GenerationEvent } from '../generation/events.ts';
import {
  type FinalGeneration,
  type Generation,
  type InState,
  isFinal,
} from '../generation/generation.ts';
import { owesCheck, type Standing, standingOf } from '../generation/standing.ts';
import type { Keys } from './keys.ts';
import { decoded, encodeRecord, type Read } from './record-format.ts';
import { type OnTurns, turnsIn, withTurns } from './turns.ts';

/**
 * The record as it now is: saved with a higher version, or somebody else's newer one, or gone. A
 * Defect also when what was to be saved is no record, and NotItsTurn when it may not be sent: then
 * nothing was written.
 * `parked`: what deliveries said about its task before anyone knew whose task it was.
 */
export type SaveResult =
  | { saved: true; generation: Generation; parked: readonly GenerationEvent[] }
  | { saved: false; current: Read | NotItsTurn };

export interface SaveParts {
  readonly redis: Redis;
  readonly keys: Keys;
  /** How long a final record whose subscribers were notified can still be read. */
  readonly retentionMs: number;
  /** The providers whose deliveries name only a task; see mailbox.ts. */
  readonly matchedByTask: ReadonlySet<string>;
  /** How many tasks each provider works on at once, by its documents; undefined: nobody says. */
  readonly placesAt: (provider: string) => number | undefined;
  readonly onTurns: OnTurns;
  readonly now: () => number;
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    catwalkSave(keyCount: number, ...args: string[]): Result<unknown, Context>;
  }
}

/** What is to be saved, as it will stand in Redis; or why it cannot be saved at all. */
type Fit = { generation: Generation; value: string };
type Unfit = { unfit: Defect };

const NOT_ITS_TURN = 0;
const Saved = z.union([z.array(z.string()), z.string(), z.null(), z.literal(NOT_ITS_TURN)]);
const Answer = z.tuple([z.array(Saved), z.array(z.string())]);

/** What was to be saved, and what the script says of it. */
type Written = Unfit | (Fit & { answer: z.infer<typeof Saved> });

/** Vtryon repeats a delivery for up to 24 h. */
const TASK_ENTRY_MS = 25 * 3_600_000;

/** How long after its generation's end an app's idempotency key is remembered. */
const ONCE_AFTER_END_MS = 24 * 3_600_000;

/** Before the first `writeRecords` on a connection. A second time changes nothing. */
export function defineSave(redis: Redis): void {
  redis.defineCommand('catwalkSave', { lua: withTurns('save') });
}

/** Compare-and-set on the version each carries, in one round trip, or in none if nothing fits. */
export async function writeRecords(
  parts: SaveParts,
  generations: readonly Generation[],
): Promise<Written[]> {
  const all = generations.map(encoded);
  const fit = all.filter((one): one is Fit => 'value' in one);
  const answers = fit.length === 0 ? [] : await write(parts, fit);
  let next = 0;
  return all.map((one) => ('unfit' in one ? one : { ...one, answer: answers[next++] ?? null }));
}

async function write(parts: SaveParts, fit: readonly Fit[]) {
  const scriptKeys = fit.flatMap(({ generation }) => keysFor(parts, generation));
  const time = parts.now();
  const args = fit.flatMap((one) => argsFor(parts, one, time));
  const all = [...scriptKeys, parts.keys.prefix, String(time), ...args];
  const answer = await parts.redis.catwalkSave(scriptKeys.length, ...all);
  const [answers, given] = Answer.parse(answer);
  const turns = turnsIn(given);
  if (turns.length > 0) void parts.onTurns(turns);
  return answers;
}

/** What became of one write. */
export function saveResult(written: Written): SaveResult {
  if ('unfit' in written) return { saved: false, current: written.unfit };
  const { generation, value, answer } = written;
  // Our own: ioredis sent the same write twice because a connection broke.
  if (answer === value) return { saved: true, generation, parked: [] };
  if (answer === NOT_ITS_TURN) return { saved: false, current: new NotItsTurn() };
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
  if (isMatchedByTask(parts, g)) {
    const { id } = g.task;
    return [record, keys.task(g.provider, id), keys.parked(g.provider, id)];
  }
  // Where there is no such key, the record's own stands for none.
  const once = hasJustEnded(g) ? keys.idempotency(g.tenant, g.onceKey) : record;
  return [record, once, record];
}

function argsFor(parts: SaveParts, { generation: g, value }: Fit, now: number): string[] {
  const lifetime = isFinal(g) && g.dueAt === undefined ? String(parts.retentionMs) : '';
  const taskLifetime = isMatchedByTask(parts, g) ? String(TASK_ENTRY_MS) : '';
  const onceLifetime = hasJustEnded(g) ? String(ONCE_AFTER_END_MS) : '';
  return [
    ...[g.id, String(g.version - 1), value, String(g.dueAt ?? ''), owesCheck(g) ? 'due' : 'owed'],
    ...[lifetime, taskLifetime, onceLifetime, g.provider, g.tenant],
    ...[String(parts.placesAt(g.provider) ?? ''), standingText(standingOf(g, now))],
  ];
}

function standingText(standing: Standing): string {
  if (standing.kind === 'unchanged') return '';
  if (standing.kind !== 'running') return standing.kind;
  return `${standing.needsTurn ? 'turn ' : ''}${standing.since}`;
}

/** Not everybody is notified yet: its end is written now, or was a moment ago. */
function hasJustEnded(g: Generation): g is FinalGeneration & { onceKey: string } {
  return isFinal(g) && g.dueAt !== undefined && g.onceKey !== undefined;
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
