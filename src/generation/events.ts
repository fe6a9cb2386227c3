import { z } from 'zod';
import { Charge, Outcome, ProviderTask, Reason, SignedWord } from './generation.ts';
import { DeferReason, OwnHoldReason } from './hold-reasons.ts';
import { SOURCES } from './verdicts.ts';

/**
 * Everything that can happen to a generation. Events travel inside jobs, so they are schemas:
 * webhooks, polls, submit answers and cancels all take the same road to the state machine.
 */
const source = z.enum(SOURCES);
export type Source = z.infer<typeof source>;

/** Which attempt a webhook speaks of; those of an earlier version do not say. */
const attempt = { attempt: z.number().int().optional() };

/** `send` names the request that is spoken of, so that a late answer cannot move a newer one. */
const send = { send: z.number().int() };

export const GenerationEvent = z.discriminatedUnion('type', [
  /** A free step before the submission is done; `data` is for the adapter alone. */
  z.object({ type: z.literal('prepared'), data: z.string() }),
  /** We do not want to send it before `until`; nobody has asked the provider. */
  z.object({ type: z.literal('held'), reason: OwnHoldReason, until: z.number() }),
  /** A worker is about to call the provider. `sender` is its name for this one send. */
  z.object({ type: z.literal('submit-started'), sender: z.string() }),
  /** The provider has the submission and named its task. */
  z.object({
    type: z.literal('submit-accepted'),
    task: ProviderTask,
    /** Where the provider answers at once: saved with the task, for a crash may come between. */
    outcome: Outcome.optional(),
    charge: Charge.optional(),
  }),
  /** Certainly not accepted; may be sent again at `until`. */
  z.object({
    type: z.literal('submit-deferred'),
    ...send,
    reason: DeferReason,
    until: z.number(),
  }),
  /** The provider's final no; nothing was accepted. */
  z.object({ type: z.literal('submit-rejected'), ...send, reason: Reason }),
  /** The request left and the answer was lost. */
  z.object({ type: z.literal('submit-unknown'), ...send }),
  /** A search at the provider, sent at `askedAt`, found nothing of the submission. */
  z.object({ type: z.literal('absence-proven'), ...send, askedAt: z.number() }),
  /** The task lives. `askedAt`: when a poll was sent. A webhook may name the task. */
  z.object({
    type: z.literal('observed-live'),
    ...attempt,
    source,
    status: z.string(),
    progress: z.number().optional(),
    taskId: z.string().optional(),
    askedAt: z.number().optional(),
  }),
  /** The task ended, and whoever says so is to be believed. */
  z.object({
    type: z.literal('observed-final'),
    ...attempt,
    source,
    outcome: Outcome,
    charge: Charge.optional(),
    taskId: z.string().optional(),
  }),
  /** The provider does not know the task (any more, or yet). `askedAt`: when the poll was sent. */
  z.object({ type: z.literal('observed-missing'), askedAt: z.number().optional() }),
  /**
   * A delivery that is not believed at once says that the task ended: go and look. `said`: what a
   * signed one says of the end, in case that nobody can look.
   */
  z.object({
    type: z.literal('hint'),
    ...attempt,
    taskId: z.string(),
    said: SignedWord.omit({ at: true }).optional(),
  }),
  /** A status check brought no answer. */
  z.object({ type: z.literal('poll-failed'), retryAfterMs: z.number().optional() }),
  /** A round found the due time passed. */
  z.object({ type: z.literal('overdue') }),
  /** The app no longer wants it. */
  z.object({ type: z.literal('cancel') }),
  /** Every subscriber's job exists. */
  z.object({ type: z.literal('notified') }),
  /** The same for the late result. */
  z.object({ type: z.literal('late-notified') }),
]);
export type GenerationEvent = z.infer<typeof GenerationEvent>;
export type EventType = GenerationEvent['type'];
export type EventOf<T extends EventType> = Extract<GenerationEvent, { type: T }>;

/** What a status check or a webhook says about a task, in our words. */
export type Observation =
  | { kind: 'live'; status: string; progress?: number | undefined }
  | { kind: 'final'; outcome: Outcome; charge?: Charge | undefined }
  | { kind: 'missing' };

/**
 * An observation as an event.
 * @param about.taskId the provider task that is spoken of, and of which attempt it is.
 * @param about.askedAt when a poll was sent (Unix ms), so that a hint in between is not lost.
 */
export function observedEvent(
  observation: Observation,
  source: Source,
  about: { taskId: string; attempt?: number; askedAt?: number },
): GenerationEvent {
  if (observation.kind === 'missing') return { type: 'observed-missing', askedAt: about.askedAt };
  if (observation.kind === 'live') {
    const { status, progress } = observation;
    return { type: 'observed-live', source, status, progress, ...about };
  }
  const { outcome, charge } = observation;
  const { askedAt: _, ...whose } = about;
  return { type: 'observed-final', source, outcome, charge, ...whose };
}
