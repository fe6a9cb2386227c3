import {
  Defect,
  InvalidRequest,
  NotKnownHere,
  Retryable,
  Terminal,
} from '../../generation/errors.ts';
import type { Generation, InState } from '../../generation/generation.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Advance } from '../engine/advance.ts';
import { reasonHeldFor } from './refusal-event.ts';
import { type RefusalParts, reportRefusal } from './report-refusal.ts';
import type { SubmissionEnd } from './submission-result.ts';
import { submitRequest } from './submit-request.ts';

/** No provider wants more free steps than this before a submission. */
export const MOST_STEPS = 20;

/** Ready to be sent; refused on the way; or undefined: somebody else has moved it. */
type Prepared = { ready: Generation } | { refused: SubmissionEnd } | undefined;

interface PrepareParts extends RefusalParts {
  readonly provider: ProviderAdapter;
  readonly advance: Advance;
}

/** Takes the free steps before a submission, such as uploads; each is saved as it is done. */
export async function prepare(parts: PrepareParts, queued: InState<'queued'>): Promise<Prepared> {
  const { provider, advance, now } = parts;
  let generation: Generation = queued;
  const lastReason = reasonHeldFor(queued);
  for (let steps = 0; ; steps++) {
    if (steps === MOST_STEPS) throw new Defect(`${provider.name} prepares without an end.`);
    const startedAt = now();
    const step = await takeStep(provider, generation).catch((error: unknown) => {
      if (error instanceof Defect || error instanceof NotKnownHere) throw error;
      const trouble = { generation, lastReason, error: repeatable(error) };
      return { refused: reportRefusal(parts, trouble, startedAt) };
    });
    if (!step) return { ready: generation };
    if ('refused' in step) return step;
    if (generation.state === 'queued' && step.prepared !== generation.prepared) {
      const event = { type: 'prepared', data: step.prepared } as const;
      const saved = await advance.one({ id: generation.id, generation, event });
      if (saved.kind !== 'moved') return undefined;
      generation = saved.generation;
    }
    if (step.done) return { ready: generation };
  }
}

/** Async, so that what an adapter throws at once is caught like what it rejects with. */
async function takeStep(provider: ProviderAdapter, generation: Generation) {
  return provider.prepare?.(submitRequest(generation, undefined));
}

/** A free step whose answer was lost is simply taken again. */
function repeatable(error: unknown): unknown {
  const isFinal = error instanceof Terminal || error instanceof InvalidRequest;
  if (isFinal || error instanceof Retryable) return error;
  return new Retryable('unavailable', 'A step before the submission had no answer', {
    cause: error,
  });
}
