import { createHash, randomInt } from 'node:crypto';
import { decodeTime, monotonicFactory } from 'ulid';
import { z } from 'zod';

const ULID = '[0-9A-HJKMNP-TV-Z]{26}';

/** `gen_` + ULID. Sorts by time of creation; safe in URLs, Redis keys and BullMQ job ids. */
export const GenerationId = z
  .string()
  .regex(new RegExp(`^gen_${ULID}$`))
  .brand('GenerationId');
export type GenerationId = z.infer<typeof GenerationId>;

/** `evt_` + the generation's own ULID: the same completion has the same event id for ever. */
export type EventId = `evt_${string}`;

/**
 * Node keeps a pool of random bytes for `randomInt`. ulid's own source asks the system for each of
 * an id's 16 characters, which costs 33 µs instead of 1.
 */
const ulid = monotonicFactory(() => randomInt(32) / 32);

/** A new id. Two calls never answer the same, also within one millisecond. */
export function newGenerationId(nowMs: number): GenerationId {
  return GenerationId.parse(`gen_${ulid(nowMs)}`);
}

/** When the generation was asked for (Unix ms). */
export function createdAtOf(id: GenerationId): number {
  return decodeTime(id.slice('gen_'.length));
}

/** Names one send of one worker; two are never the same. */
export function newSender(): string {
  return ulid();
}

/** The one event id of a generation's completion; subscribers use it to recognise a repeat. */
export function completionEventId(id: GenerationId): EventId {
  return `evt_${id.slice('gen_'.length)}`;
}

/** The one event id of a generation's late result. */
export function lateResultEventId(id: GenerationId): EventId {
  return `${completionEventId(id)}_late`;
}

/**
 * The idempotency key of one attempt, sent to providers that honour one. It is derived, so that
 * every process and every retry sends the same key (32 characters for the first; FitInView allows 200).
 */
export function attemptKey(id: GenerationId, attempt: number): string {
  return `${id}-${attempt}`;
}

/**
 * What stands for one attempt in its webhook URL, so that a late word of an older one is known as
 * such. The first attempt is the generation's own id.
 */
export function attemptName(id: GenerationId, attempt: number): string {
  return attempt === 1 ? id : attemptKey(id, attempt);
}

/** What `attemptName` made. @throws ZodError for anything else. */
export function parseAttemptName(name: string): { id: GenerationId; attempt: number } {
  const [, id, attempt = '1'] = /^(\w+?)(?:-(\d{1,9}))?$/.exec(name) ?? [];
  return { id: GenerationId.parse(id), attempt: Number(attempt) };
}

/** Base64url SHA-256 of caller-supplied text, which must never be part of a key or id as it is. */
export function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
