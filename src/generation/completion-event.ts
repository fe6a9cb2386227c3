import type { FinalGeneration } from './generation.ts';
import { completionEventId } from './ids.ts';
import type { CompletionEvent } from './jobs.ts';
import { type ShownResult, shownUnkept } from './kept-result.ts';

/**
 * The one event that tells how a generation ended. The same record always makes the same event.
 * @param results as they are to be shown.
 */
export function completionEvent(
  g: FinalGeneration,
  results: readonly ShownResult[] = shownUnkept(g),
): CompletionEvent {
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
      reason: g.state === 'completed' ? null : g.reason,
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

function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
