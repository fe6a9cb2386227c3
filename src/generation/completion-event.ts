import { chargeOf, lateChargeOf, providerTaskIdOf, reasonOf } from './advice.ts';
import {
  asItEnded,
  type FinalGeneration,
  type LateResult,
  type Unsuccessful,
} from './generation.ts';
import { completionEventId, lateResultEventId } from './ids.ts';
import type { CompletionEvent, LateResultEvent } from './jobs.ts';
import { type ShownResult, shownUnkept } from './kept-result.ts';

/**
 * The one event that tells how a generation ended. The same record always makes the same event.
 * @param results as they are to be shown.
 */
export function completionEvent(
  final: FinalGeneration,
  results: readonly ShownResult[] = shownUnkept(final),
): CompletionEvent {
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
      results: [...results],
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
 * @param results of the late success, as they are to be shown.
 */
export function lateResultEvent(
  g: Unsuccessful,
  late: LateResult,
  results: readonly ShownResult[],
): LateResultEvent {
  return {
    id: lateResultEventId(g.id),
    type: 'generation.late_result',
    timestamp: iso(late.at),
    data: {
      ...completionEvent(g).data,
      outcome: 'completed',
      results: [...results],
      reason: null,
      charge: lateChargeOf(g, late),
      providerTaskId: late.taskId ?? providerTaskIdOf(g),
      ended: { outcome: g.state, reason: reasonOf(g) },
    },
  };
}

function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
