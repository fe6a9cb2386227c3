import { type Generation, isFinal, publicStatus } from '../generation/generation.ts';
import { type ShownResult, shownUnkept } from '../generation/kept-result.ts';

/**
 * A generation as the API shows it. Times are ISO 8601.
 * @param results with what is known of where each is kept.
 */
export function representation(g: Generation, results: readonly ShownResult[] = shownUnkept(g)) {
  return {
    id: g.id,
    status: publicStatus(g),
    provider: g.provider,
    model: g.model,
    createdAt: iso(g.createdAt),
    submittedAt: 'submittedAt' in g && g.submittedAt !== undefined ? iso(g.submittedAt) : null,
    finishedAt: isFinal(g) ? iso(g.finishedAt) : null,
    results,
    reason: 'reason' in g ? g.reason : null,
    hold: g.state === 'queued' && g.hold ? { ...g.hold, until: iso(g.hold.until) } : null,
    /** Nobody knows whether the provider has it: since when, and when that is looked into next. */
    unconfirmed:
      g.state === 'unconfirmed' ? { since: iso(g.unconfirmedAt), nextStepAt: iso(g.dueAt) } : null,
    /** How the outcome was learned: webhook, hint, poll, submit, deadline, cancel or policy. */
    via: isFinal(g) ? g.via : null,
    polls: 'polls' in g ? g.polls : 0,
    cancelRequested: g.state === 'submitting' && g.cancelRequested === true,
    metadata: g.metadata ?? null,
    /** The generation that this one tries again. */
    redriveOf: g.redriveOf ?? null,
  };
}

function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
