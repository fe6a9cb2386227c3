import { z } from 'zod';
import { Retry, ToldCharge } from './advice.ts';
import { GenerationEvent } from './events.ts';
import { Reason } from './generation.ts';
import { GenerationId } from './ids.ts';
import { ShownResult } from './kept-result.ts';
import { OUTCOMES, UNSUCCESSFUL } from './verdicts.ts';

/** The payload of each queue's jobs. Small: ids and facts, never images or bodies. */

/**
 * The versions that this code reads. A worker leaves a job of any other to a process that knows it,
 * so a release that writes a new version comes after one that reads it.
 */
export const JOB_VERSIONS: readonly number[] = [1];

const version = { v: z.literal(1) };

export const SubmitJob = z.object({
  ...version,
  id: GenerationId,
  /** When it got the turn that this job is for; absent where it has to ask for one. */
  turn: z.number().optional(),
});
export type SubmitJob = z.infer<typeof SubmitJob>;

/** What a job of a submit queue asks of the provider: the job's name. */
export const SUBMIT_JOBS = { submit: 'submit', lookUp: 'look-up', cancelTask: 'cancel' } as const;

export const RoundJob = z.object(version);
export type RoundJob = z.infer<typeof RoundJob>;

/** One thing that happened to one generation. */
export const CompletionItem = z.object({ id: GenerationId, event: GenerationEvent });
export type CompletionItem = z.infer<typeof CompletionItem>;

/** The most that one job of completions holds. */
export const MOST_ITEMS = 100;

export const CompletionsJob = z.object({
  ...version,
  items: z.array(CompletionItem).min(1).max(MOST_ITEMS),
});
export type CompletionsJob = z.infer<typeof CompletionsJob>;

/** One result that is owed. Whoever runs it takes the most urgent one, whichever that is. */
export const VaultJob = z.object({
  ...version,
  id: GenerationId,
  index: z.number().int().nonnegative(),
  tryUntil: z.number(),
});
export type VaultJob = z.infer<typeof VaultJob>;

const isoTime = z.string();

/** With our advice; jobs queued by an earlier version have none. */
const ToldReason = Reason.extend({ retry: Retry.optional() });

/**
 * What subscribers and callbacks get: the Standard Webhooks convention of type, timestamp and data.
 * The same completion always has the same `id`, however often it is delivered.
 */
export const CompletionEvent = z.object({
  id: z.string(),
  type: z.templateLiteral(['generation.', z.enum(OUTCOMES)]),
  timestamp: isoTime,
  data: z.object({
    generationId: GenerationId,
    tenant: z.string(),
    provider: z.string(),
    model: z.string(),
    outcome: z.enum(OUTCOMES),
    results: z.array(ShownResult),
    reason: ToldReason.nullable(),
    /** As for the next two, jobs queued by an earlier version do not say. */
    charge: ToldCharge.nullable().optional(),
    /** Whether it was asked for with a provider's test key. */
    test: z.boolean().optional(),
    /** The provider's own name for it. */
    providerTaskId: z.string().nullable().optional(),
    timings: z.object({
      createdAt: isoTime,
      submittedAt: isoTime.nullable(),
      finishedAt: isoTime,
    }),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    /** The generation that this one tries again. Jobs queued by an earlier version do not say. */
    redriveOf: GenerationId.nullable().optional(),
  }),
});
export type CompletionEvent = z.infer<typeof CompletionEvent>;

/**
 * What the provider said after the generation had ended by a guess of ours: it is done after all.
 * The completion event stands; this one comes once besides, and may be ignored.
 */
export const LateResultEvent = z.object({
  id: z.string(),
  type: z.literal('generation.late_result'),
  /** When we learned it. */
  timestamp: isoTime,
  data: z.object({
    ...CompletionEvent.shape.data.shape,
    outcome: z.literal('completed'),
    reason: z.null(),
    /** How the generation had ended, as its completion event told. */
    ended: z.object({ outcome: z.enum(UNSUCCESSFUL), reason: ToldReason }),
  }),
});
export type LateResultEvent = z.infer<typeof LateResultEvent>;

/** Only for the `callback` subscriber. */
const callbackUrl = z.string().optional();

/** Of a callback that changed its lane; processes of earlier releases pass over it. */
const Moved = z.object({
  /** How often. */
  times: z.number().int().positive(),
  /** Those made before, in other lanes. */
  tries: z.number().int().nonnegative(),
  /** It stays in the slow lane: the fast one's patience was too short for it. */
  stays: z.boolean(),
});
const moved = Moved.optional();

/** Jobs of version 2 tell late results, which processes of earlier releases leave alone. */
export const SubscriberJob = z.discriminatedUnion('v', [
  z.object({ v: z.literal(1), event: CompletionEvent, callbackUrl, moved }),
  z.object({ v: z.literal(2), event: LateResultEvent, callbackUrl, moved }),
]);
export const SUBSCRIBER_JOB_VERSIONS: readonly number[] = [1, 2];
export type SubscriberJob = z.infer<typeof SubscriberJob>;

/** How many tries were made of a job before its queue counts them; whatever its data is. */
export function triesBefore(data: unknown): number {
  return z.object({ moved: Moved.pick({ tries: true }) }).safeParse(data).data?.moved.tries ?? 0;
}
