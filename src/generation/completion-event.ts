import { chargeOf, providerTaskIdOf, reasonOf } from './advice.ts';
import {
  asItEnded,
  type FinalGeneration,
  type LateResult,
  type Unsuccessful,
} from './generation.ts';
import { completionEventId, lateResultEventId } from './ids.ts';
import type { CompletionEvent, LateResultEvent } from './jobs.ts';

/** The one event that tells how a generation ended. The same record always makes the same event. */
export function completionEvent(final: FinalGeneration): CompletionEvent {
  const g = asItEnded(final);
  return {
    id: completionEventId(g.id),
    type: `generation.${g.state}`,
    timestamp: iso(g.finishedAt),
    data: {
      generationId: g.id,
      tenant: g.tenant,
      provider: g.provider,
      model: g.model,
      outcome: g.state,
      results: g.state === 'completed' ? g.results : [],
      reason: g.state === 'completed' ? null : reasonOf(g),
      charge: chargeOf(g),
      test: g.isTest === true,
      providerTaskId: providerTaskIdOf(g),
      timings: {
        createdAt: iso(g.createdAt),
        submittedAt: g.submittedAt === undefined ? null : iso(g.submittedAt),
        finishedAt: iso(g.finishedAt),
      },
      metadata: g.metadata ?? null,
      redriveOf: g.redriveOf ?? null,
    },
  };
}

/**
 * The one event that tells of a late success: what the completion event holds, but for the results.
 * The same record always makes the same event.
 */
export function lateResultEvent(g: Unsuccessful, late: LateResult): LateResultEvent | undefined {
  if (late.outcome.verdict !== 'completed') return undefined;
  return {
    id: lateResultEventId(g.id),
    type: 'generation.late_result',
    timestamp: iso(late.at),
    data: {
      ...completionEvent(g).data,
      outcome: 'completed',
      results: late.outcome.results,
      reason: null,
      ended: { outcome: g.state, reason: g.reason },
    },
  };
}

function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
