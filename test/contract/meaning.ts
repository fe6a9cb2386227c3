import { expect } from 'vitest';
import { CatwalkError, OutcomeUnknown, Retryable, Terminal } from '../../src/generation/errors.ts';
import type { Observation } from '../../src/generation/events.ts';
import type { Outcome } from '../../src/generation/generation.ts';
import { REASONS } from '../../src/providers/reasons.ts';
import type { Meaning } from './fixture.ts';

/** Codes with which our own error classes may speak, besides the reasons. */
const OUTCOME_UNKNOWN_CODES = ['no_answer', 'unreadable_answer'];

const CLASSES = { Retryable, Terminal, OutcomeUnknown };

/* The meanings that fixtures name. */

export const COMPLETED = { is: 'completed' } as const satisfies Meaning;
export const MISSING = { is: 'missing' } as const satisfies Meaning;
export const NO_ANSWER = { is: 'OutcomeUnknown', code: 'no_answer' } as const satisfies Meaning;

export const alive = (status: string) => ({ is: 'live' as const, status });
export const failed = (code: string) => ({ is: 'failed' as const, code });
export const final = (code: string) => ({ is: 'Terminal' as const, code });
export const held = (code: string, retryAfterMs?: number) => ({
  is: 'Retryable' as const,
  code,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});

/** What a call came to, in the words of `Meaning`. */
export async function meaningOf(
  call: Promise<Observation | { outcome?: Outcome | undefined }>,
): Promise<Meaning | { is: 'accepted' }> {
  try {
    const answer = await call;
    if (!('kind' in answer)) return answer.outcome ? ofOutcome(answer.outcome) : { is: 'accepted' };
    if (answer.kind === 'final') return ofOutcome(answer.outcome);
    return answer.kind === 'live' ? alive(answer.status) : MISSING;
  } catch (error) {
    return ofError(error);
  }
}

function ofOutcome(outcome: Outcome): Meaning {
  if (outcome.verdict === 'completed') return COMPLETED;
  expect(outcome.verdict, 'timed_out and canceled are our verdicts, not a provider’s').toBe(
    'failed',
  );
  expect(Object.keys(REASONS), 'a reason of ours').toContain(outcome.reason.code);
  return failed(outcome.reason.code);
}

function ofError(error: unknown): Meaning {
  if (!(error instanceof CatwalkError)) throw error;
  for (const [is, kind] of Object.entries(CLASSES)) {
    if (!(error instanceof kind)) continue;
    const { code } = error;
    if (error instanceof Terminal) expect(Object.keys(REASONS)).toContain(code);
    if (error instanceof OutcomeUnknown) expect(OUTCOME_UNKNOWN_CODES).toContain(code);
    if (error instanceof Retryable) return held(code, error.retryAfterMs);
    return is === 'Terminal' ? final(code) : { is: 'OutcomeUnknown', code };
  }
  throw error;
}

/** A meaning without what its fixture leaves open. */
export function told(means: Meaning): Meaning {
  return JSON.parse(JSON.stringify(means));
}
