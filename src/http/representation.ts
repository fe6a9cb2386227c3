import { chargeOf, lateChargeOf, providerTaskIdOf, reasonOf } from '../generation/advice.ts';
import {
  type Generation,
  isFinal,
  type LateResult,
  publicStatus,
} from '../generation/generation.ts';
import { type ShownResult, shownUnkept } from '../generation/kept-result.ts';
import { asCompleted } from '../generation/late-result.ts';

/**
 * A generation as the API shows it. Times are ISO 8601.
 * @param results with what is known of where each is kept; of a late success its own.
 */
export function representation(
  g: Generation,
  results: readonly ShownResult[] = shownUnkept(asCompleted(g) ?? g),
) {
  return {
    id: g.id,
    status: publicStatus(g),
    provider: g.provider,
    model: g.model,
    createdAt: iso(g.createdAt),
    submittedAt: 'submittedAt' in g && g.submittedAt !== undefined ? iso(g.submittedAt) : null,
    finishedAt: isFinal(g) ? iso(g.finishedAt) : null,
    results: g.state === 'completed' ? results : [],
    reason: 'reason' in g ? reasonOf(g) : null,
    /** What the provider said after the end, which stands all the same. */
    late:
      'late' in g && g.late
        ? { ...lateOf(g.late, results), charge: lateChargeOf(g, g.late) }
        : null,
    hold: g.state === 'queued' && g.hold ? { ...g.hold, until: iso(g.hold.until) } : null,
    /** Nobody knows whether the provider has it: since when, and when that is looked into next. */
    unconfirmed:
      g.state === 'unconfirmed' ? { since: iso(g.unconfirmedAt), nextStepAt: iso(g.dueAt) } : null,
    /** How the outcome was learned: webhook, hint, poll, submit, deadline, cancel or policy. */
    via: isFinal(g) ? g.via : null,
    /** The provider's last word on a live task, and how much of it is done, 0 to 1. */
    providerStatus: g.state === 'submitted' ? (g.providerStatus ?? null) : null,
    progress: g.state === 'submitted' ? (g.progress ?? null) : null,
    providerTaskId: providerTaskIdOf(g),
    charge: chargeOf(g),
    test: g.isTest === true,
    polls: 'polls' in g ? g.polls : 0,
    cancelRequested: g.state === 'submitting' && g.cancelRequested === true,
    metadata: g.metadata ?? null,
    /** The generation that this one tries again. */
    redriveOf: g.redriveOf ?? null,
  };
}

function lateOf({ outcome, at, via }: LateResult, results: readonly ShownResult[]) {
  const isSuccess = outcome.verdict === 'completed';
  return {
    outcome: outcome.verdict,
    at: iso(at),
    via,
    results: isSuccess ? results : [],
    reason: isSuccess ? null : outcome.reason,
  };
}

function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
