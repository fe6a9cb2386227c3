import type { Request } from 'express';
import type { Provider } from '../contract/provider.ts';
import type { Refusal } from '../contract/refusal.ts';
import type { Submission } from '../contract/submission.ts';
import type { RememberedSubmit } from '../engine/idempotency.ts';
import type { ProviderState } from '../engine/provider-state.ts';
import type { ChosenScenario } from '../scenarios/active-scenarios.ts';
import { REFUSAL_MESSAGES, scenarioRefusal } from '../scenarios/scenario-refusal.ts';

/** Ends the access token of the first submit, as if its time had come just now. */
export function refuseExpiredToken(
  state: ProviderState,
  request: Request,
  chosen: ChosenScenario,
): Refusal | undefined {
  const { usesAccessTokens, readKey } = state.dialect;
  const isDue = chosen.scenario.expiresToken && chosen.submitNumber === 1;
  if (!isDue || !usesAccessTokens) return undefined;
  state.tokens.expire(readKey(request) ?? '');
  return { reason: 'unauthorized', message: 'The access token has expired.' };
}

const KEY_REUSED: Refusal = { reason: 'key-reused', message: 'This reference was used before.' };

/**
 * Refuses a repeat under a known idempotency key, where the provider does. What it does about a body
 * that was changed is undocumented, so a dialect may have a switch for it; the first answer wins
 * unless told.
 */
export function refuseKnownKey(
  state: ProviderState,
  provider: Provider,
  known: RememberedSubmit,
  bodyFingerprint: string,
): Refusal | undefined {
  if (state.dialect.refusesKnownKeys) return KEY_REUSED;
  const isSame = known.bodyFingerprint === bodyFingerprint;
  if (isSame || provider.chosen('changed-body') !== 'refuse') return undefined;
  const message = 'This Idempotency-Key was used with another request body.';
  return { reason: 'key-reused', message };
}

/** Why the submission is not accepted just now: the scenario, the rate, the tasks at once, the money. */
export function refusalFor(
  state: ProviderState,
  submission: Submission,
  chosen: ChosenScenario,
): Refusal | undefined {
  const refusal = scenarioRefusal(chosen);
  if (refusal) return refusal;
  const nowMs = Date.now();
  if (!state.submits.take(nowMs)) {
    const { resetAtSeconds } = state.submits.usage(nowMs);
    const retryAfterSeconds = Math.max(1, Math.ceil(resetAtSeconds - nowMs / 1000));
    return { reason: 'rate-limited', message: REFUSAL_MESSAGES['rate-limited'], retryAfterSeconds };
  }
  const concurrentTasks = state.settings.concurrentTasks ?? Number.POSITIVE_INFINITY;
  if (state.liveTasks >= concurrentTasks) {
    return { reason: 'concurrency-limited', message: REFUSAL_MESSAGES['concurrency-limited'] };
  }
  if (state.creditsLeft < submission.creditCost) {
    return { reason: 'out-of-credit', message: REFUSAL_MESSAGES['out-of-credit'] };
  }
  return undefined;
}
