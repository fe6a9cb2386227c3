import { z } from 'zod';
import { Charge, type Generation, type LateResult, type Unsuccessful } from './generation.ts';
import { ownVerdict, type VerdictCode } from './verdicts.ts';

/**
 * What an app is told beside the bare outcome: whether asking again may help and when, and what was
 * charged. It follows from the record alone, so every telling of it is the same.
 */

/**
 * Whether the same request, asked for anew, may bring a result; null: nobody knows. `notBefore`: the
 * moment from which that is worth while, ISO 8601; null where no time is known.
 */
export const Retry = z.object({
  mayHelp: z.boolean().nullable(),
  notBefore: z.string().nullable(),
});
export type Retry = z.infer<typeof Retry>;

/** What was charged: as the provider reported it, or else what it asks for by its published list. */
export const ToldCharge = z.discriminatedUnion('source', [
  Charge.extend({ source: z.literal('reported') }),
  z.object({ listPrice: z.string(), source: z.literal('list') }),
]);
export type ToldCharge = z.infer<typeof ToldCharge>;

type OwnAdvice =
  /** Counted from the end. */
  { readonly mayHelp: true; readonly afterMs: number } | { readonly mayHelp: null };

const MINUTE_MS = 60_000;

/** Our advice on each verdict of ours. The times are ours too: no provider names any. */
const ADVICE: Readonly<Record<VerdictCode, OwnAdvice>> = {
  /** It was held or put off all that time, and whatever is in the way has had no time to go. */
  not_sent_in_time: { mayHelp: true, afterMs: 5 * MINUTE_MS },
  /** A task that was only slow has mostly ended by then, and its result is free. */
  gave_up: { mayHelp: true, afterMs: 15 * MINUTE_MS },
  task_lost: { mayHelp: true, afterMs: 0 },
  /** It may have been made and paid for: whether to pay again is not for us to advise. */
  outcome_unknown: { mayHelp: null },
  /** Nothing was wrong with it that we know of. */
  canceled_by_app: { mayHelp: null },
};

/** The reason with our advice. An adapter's own word stands where the verdict is its provider's. */
export function reasonOf(g: Unsuccessful): { code: string; message: string; retry: Retry } {
  const { code, message } = g.reason;
  return { code, message, retry: retryOf(g) };
}

function retryOf({ reason, via, finishedAt }: Unsuccessful): Retry {
  const own = ownVerdict(reason.code, via);
  const advice = own && ADVICE[reason.code as VerdictCode]; // `own` is the verdict with this code
  if (!advice) return { mayHelp: reason.mayHelpToRetry ?? null, notBefore: null };
  if (!advice.mayHelp) return { mayHelp: advice.mayHelp, notBefore: null };
  return { mayHelp: true, notBefore: new Date(finishedAt + advice.afterMs).toISOString() };
}

/**
 * Null for a test, where nobody is known to have accepted anything, and where nothing is known. A
 * redrive that only looks again at an earlier task pays nothing: the earlier generation says what
 * that cost.
 */
export function chargeOf(g: Generation): ToldCharge | null {
  if (providerTaskIdOf(g) === null) return null;
  return chargeOfAccepted(g, 'charge' in g ? g.charge : undefined);
}

/** The same, when the late truth is known besides: then it was accepted, whatever we knew before. */
export function lateChargeOf(g: Unsuccessful, late: LateResult): ToldCharge | null {
  return chargeOfAccepted(g, late.charge ?? g.charge);
}

function chargeOfAccepted(g: Generation, reported: Charge | undefined): ToldCharge | null {
  if (g.isTest) return null;
  if (reported) return { ...reported, source: 'reported' };
  const isPaidByAnother = g.sends === 0 && g.goesOnWith === undefined;
  if (g.listPrice === undefined || isPaidByAnother) return null;
  return { listPrice: g.listPrice, source: 'list' };
}

/** The provider's own id of the task, for its support and its dashboard; null while there is none. */
export function providerTaskIdOf(g: Generation): string | null {
  return ('task' in g && g.task?.id) || null;
}
