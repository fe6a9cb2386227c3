import { z } from 'zod';
import { Hold } from './hold-reasons.ts';
import { GenerationId } from './ids.ts';
import { OUTCOMES, SOURCES, UNSUCCESSFUL, Via } from './verdicts.ts';

/**
 * The stored record of a generation: a union on `state`, so that a field exists exactly where it
 * is true. Times are Unix milliseconds. What each state means, and what may leave it, is told in
 * state-machine.ts.
 */

/** One thing a provider made. `data` is for results that are not files, such as labels. */
export const Result = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('file'),
    url: z.string(),
    contentType: z.string().optional(),
    /** When the provider's link dies, where it or its documents say so. */
    expiresAt: z.number().optional(),
  }),
  z.object({ kind: z.literal('data'), data: z.unknown() }),
]);
export type Result = z.infer<typeof Result>;

/** Why a generation did not complete: a stable code, and a sentence for people. */
export const Reason = z.object({
  code: z.string(),
  message: z.string(),
  /** Whether the same request may fare better another time, where its provider says so. */
  mayHelpToRetry: z.boolean().optional(),
});
export type Reason = z.infer<typeof Reason>;

/** What a provider says that it charged, in its own unit: `credits`, `USD`. */
export const Charge = z.object({ amount: z.number().nonnegative(), unit: z.string().min(1) });
export type Charge = z.infer<typeof Charge>;

/** The final verdict on a generation. */
export const Outcome = z.discriminatedUnion('verdict', [
  z.object({ verdict: z.literal('completed'), results: z.array(Result) }),
  z.object({ verdict: z.enum(UNSUCCESSFUL), reason: Reason }),
]);
export type Outcome = z.infer<typeof Outcome>;

/**
 * What the provider itself said after the generation had ended by our own guess. It never replaces
 * the outcome. See late-result.ts.
 */
export const LateResult = z.object({
  outcome: Outcome,
  at: z.number(),
  via: z.enum(SOURCES),
  /** The task that is spoken of, where whoever told named it. */
  taskId: z.string().optional(),
  charge: Charge.optional(),
  /** Set until every subscriber's job of it exists. */
  isOwed: z.literal(true).optional(),
});
export type LateResult = z.infer<typeof LateResult>;

/** The end of a task as a signed delivery told it, kept until a status check confirms it. */
export const SignedWord = z.object({
  outcome: Outcome,
  charge: Charge.optional(),
  /** When it was first heard. */
  at: z.number(),
});
export type SignedWord = z.infer<typeof SignedWord>;

/** The provider's own id of an attempt, and whatever else its adapter needs to poll it. */
export const ProviderTask = z.object({ id: z.string().min(1), handle: z.string().optional() });
export type ProviderTask = z.infer<typeof ProviderTask>;

/** `hybrid` waits for the webhook before it polls; `polling` never expects one. */
const Mode = z.enum(['hybrid', 'polling']);
type Mode = z.infer<typeof Mode>;

/** The mode of a provider's generations: a webhook is expected where it can call, and reach us. */
export function modeOf(about: { publicUrl: string | undefined; webhook?: unknown }): Mode {
  return about.publicUrl && about.webhook ? 'hybrid' : 'polling';
}

/** One paid submission: whose it is, which one, and in which mode it was asked for. */
export const Attempt = z.object({ id: GenerationId, attempt: z.number().int(), mode: Mode });
export type Attempt = z.infer<typeof Attempt>;

const common = {
  id: GenerationId,
  /** Grows by one with every write; the compare-and-set compares it. Kept beside the JSON. */
  version: z.number().int(),
  tenant: z.string(),
  provider: z.string(),
  model: z.string(),
  mode: Mode,
  input: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.unknown()).optional(),
  callbackUrl: z.string().optional(),
  createdAt: z.number(),
  /** The model's published price when it was asked for, in its provider's words. */
  listPrice: z.string().optional(),
  /** The app's own idempotency key, hashed: remembered until 24 h after the end. */
  onceKey: z.string().optional(),
  /** Which paid submission this is, from 1. A second one exists only where the policy says so. */
  attempt: z.number().int(),
  /** How many requests have been started for all attempts together; fences late answers. */
  sends: z.number().int(),
  /** How often in a row the provider certainly did not accept. */
  refusals: z.number().int(),
  /** How many of the attempt's refusals were for want of credit or authorization; absent: none. */
  denials: z.number().int().optional(),
  /** The one that ended without a result and is tried again with this one. */
  redriveOf: GenerationId.optional(),
  /** A catalogue run; absent for a shopper who waits. See standing.ts. */
  lane: z.literal('batch').optional(),
  /** Its completion is told when every result is kept, or lost. */
  keptResults: z.literal(true).optional(),
  /** Asked for with a provider's test key: nothing is charged, and the result may be a sample. */
  isTest: z.literal(true).optional(),
  /** The attempt that a redrive goes on with, where its own first one could pay a second time. */
  goesOnWith: Attempt.optional(),
};
/** What every record holds, whatever its state. */
export type Common = z.infer<z.ZodObject<typeof common>>;

/** The next moment something must happen; the schedule holds the same number. */
const due = { dueAt: z.number() };

/** What free, repeatable steps before the submission brought, such as the ids of uploads. */
const prepared = { prepared: z.string().optional() };

const Queued = z.object({
  ...common,
  ...due,
  ...prepared,
  state: z.literal('queued'),
  deadlineAt: z.number(),
  hold: Hold.optional(),
});

const sent = {
  ...prepared,
  deadlineAt: z.number(),
  /** When this attempt may first have reached the provider: its key's lifetime counts from here. */
  firstSentAt: z.number(),
};

const Submitting = z.object({
  ...common,
  ...due,
  ...sent,
  state: z.literal('submitting'),
  /** Names this one send, so that no worker takes another's intent for its own. */
  sender: z.string().optional(),
  /** An earlier send of this attempt is unaccounted for, so a refusal now proves nothing. */
  uncertain: z.literal(true).optional(),
  cancelRequested: z.literal(true).optional(),
});

const Unconfirmed = z.object({
  ...common,
  ...due,
  ...sent,
  state: z.literal('unconfirmed'),
  unconfirmedAt: z.number(),
  /** Where a resend is safe at all: not before this moment. */
  resendAt: z.number(),
  uncertain: z.literal(true).optional(),
  /** A resend was refused for good, which says nothing about the send before it. */
  rejection: Reason.optional(),
});

const Submitted = z.object({
  ...common,
  ...due,
  state: z.literal('submitted'),
  deadlineAt: z.number(),
  task: ProviderTask,
  submittedAt: z.number(),
  polls: z.number().int(),
  /** When an unsigned webhook last asked for a check. */
  hintedAt: z.number().optional(),
  /** See signed-word.ts. */
  said: SignedWord.optional(),
  /** Since when no status check has been answered. */
  unansweredSince: z.number().optional(),
  /** How often in a row a check found that the provider does not know the task, and since when. */
  missingChecks: z.number().int().optional(),
  missingSince: z.number().optional(),
  /** The provider's last word for a live task, as it says it. */
  providerStatus: z.string().optional(),
  /** How much of it is done, 0 to 1, as the provider says it. */
  progress: z.number().min(0).max(1).optional(),
  /** The outcome that came with the acceptance. It is no verdict before `completions` makes it one. */
  learned: Outcome.optional(),
  charge: Charge.optional(),
});

const finished = {
  submittedAt: z.number().optional(),
  finishedAt: z.number(),
  /** How the outcome was learned. */
  via: Via,
  polls: z.number().int(),
  task: ProviderTask.optional(),
  charge: Charge.optional(),
  /** Set where a send was never accounted for: the provider may have it. As in the states before. */
  firstSentAt: z.number().optional(),
  ...prepared,
  /**
   * Set while anything is owed: to tell the outcome or a late result, or one last check. Then the
   * record leaves the schedule, and its retention begins.
   */
  dueAt: z.number().optional(),
};

const Completed = z.object({
  ...common,
  ...finished,
  state: z.literal('completed'),
  results: z.array(Result),
});

const Unsuccessful = z.object({
  ...common,
  ...finished,
  state: z.enum(UNSUCCESSFUL),
  reason: Reason,
  /** Every subscriber's job of the outcome exists. Said only while something else is owed. */
  isNotified: z.literal(true).optional(),
  /** When the provider is asked one last time about a task that was given up. */
  lastCheckAt: z.number().optional(),
  /** A result that a signed delivery told of afterwards; see signed-word.ts. */
  said: SignedWord.optional(),
  late: LateResult.optional(),
});

export const Generation = z.discriminatedUnion('state', [
  Queued,
  Submitting,
  Unconfirmed,
  Submitted,
  Completed,
  Unsuccessful,
]);
export type Generation = z.infer<typeof Generation>;
export type GenerationState = Generation['state'];
export type InState<S extends GenerationState> = Extract<Generation, { state: S }>;
/** Ended without a result. */
export type Unsuccessful = z.infer<typeof Unsuccessful>;
export type Completed = z.infer<typeof Completed>;
export type FinalGeneration = Completed | Unsuccessful;

/** Whether the generation has its outcome. Final states are never left. */
export function isFinal(generation: Generation): generation is FinalGeneration {
  return (OUTCOMES as readonly string[]).includes(generation.state);
}

/** The record as it stood at its end, without what became known later: that was told, and stays. */
export function asItEnded<G extends FinalGeneration>(g: G): G {
  if (g.state !== 'failed' && g.state !== 'timed_out') return g;
  const { late: _, lastCheckAt: __, said: ___, task, ...rest } = g as Unsuccessful;
  const hadTask = g.submittedAt !== undefined && task !== undefined;
  return { ...rest, ...(hadTask && { task }) } as G; // only optional fields are left out
}

/** What the app sees: the three states in between are all `processing`. */
export type PublicStatus = 'queued' | 'processing' | FinalGeneration['state'];

export function publicStatus(generation: Generation): PublicStatus {
  if (generation.state === 'queued' || isFinal(generation)) return generation.state;
  return 'processing';
}

/** The attempt as its provider knows it: another generation's, where a redrive goes on with that. */
export function attemptOf(g: Generation): Attempt {
  const own = { id: g.id, attempt: g.attempt, mode: g.mode };
  return g.attempt === 1 ? (g.goesOnWith ?? own) : own;
}
