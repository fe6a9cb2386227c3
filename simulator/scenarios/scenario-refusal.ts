import type { Refusal } from '../contract/refusal.ts';
import type { ChosenScenario } from './active-scenarios.ts';

/** What is said, whoever refuses: a scenario or a real limit. */
export const REFUSAL_MESSAGES = {
  'rate-limited': 'Too many requests.',
  'concurrency-limited': 'Too many predictions are running at once.',
  'out-of-credit': 'The account has not enough credits.',
  'server-error': 'Something went wrong on our side.',
  'html-page': 'Bad gateway.',
};

/** The refusal a scenario has in store for this call, if it has one. */
export function scenarioRefusal(chosen: ChosenScenario): Refusal | undefined {
  const rule = chosen.scenario.refusal;
  if (!rule || chosen.submitNumber > rule.firstSubmits) return undefined;
  const { reason, retryAfterSeconds } = rule;
  const message = REFUSAL_MESSAGES[reason];
  return { reason, message, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
}
