import type { InState } from '../../src/generation/generation.ts';
import { newGenerationId } from '../../src/generation/ids.ts';

/** One that was accepted just now. */
export function aGeneration(nowMs = Date.now()): InState<'queued'> {
  return {
    id: newGenerationId(nowMs),
    version: 1,
    tenant: 'shop',
    provider: 'fashn',
    model: 'tryon-v1.6',
    mode: 'hybrid',
    input: {},
    createdAt: nowMs,
    attempt: 1,
    sends: 0,
    refusals: 0,
    state: 'queued',
    deadlineAt: nowMs + 60_000,
    dueAt: nowMs + 30_000,
  };
}
