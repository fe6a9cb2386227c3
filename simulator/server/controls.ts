import type { Ledger } from '../engine/ledger-entries.ts';
import {
  clearProviderState,
  type OutageAnswer,
  type ProviderState,
} from '../engine/provider-state.ts';
import type { ScenarioScope } from '../scenarios/active-scenarios.ts';
import {
  isScenarioName,
  type ScenarioName,
  unknownScenarioMessage,
} from '../scenarios/scenarios.ts';
import { unknownProviderMessage, webhookUrlProblem } from './options.ts';

/** What can be done to a running simulator, by its owner or over `/_simulator`. */
export interface SimulatorControls {
  /** What each provider accepted, refused, charged, answered and delivered so far. */
  ledger(): Ledger;
  clearLedger(): void;
  /**
   * The scenario of later submits that ask for none. Starts the count of "first submits" anew.
   * Throws RangeError for a scenario or provider that does not exist, as all of these do.
   */
  setScenario(name: ScenarioName, scope?: ScenarioScope): void;
  /**
   * The account's webhook, for later messages of submissions that named none; null for none. Throws
   * RangeError when the provider cannot have it.
   */
  setWebhook(provider: string, url: string | null): void;
  /** The account has so many credits now. */
  setCredits(provider: string, credits: number): void;
  /** From now on the provider answers every call so, and accepts nothing. */
  setOutage(provider: string, answer: OutageAnswer, seconds: number): void;
  /** Forgets all tasks, ledgers, keys, uploads, spending and scenarios, as if just started. */
  reset(): void;
}

/** Controls over these providers; `endWork` ends all their tasks and webhooks. */
export function createControls(
  states: readonly ProviderState[],
  endWork: () => void,
): SimulatorControls {
  function stateOf(provider: string): ProviderState {
    const state = states.find(({ dialect }) => dialect.name === provider);
    if (!state) throw new RangeError(unknownProviderMessage(provider));
    return state;
  }

  return {
    ledger: () =>
      Object.fromEntries(
        states.map(({ dialect, ledger, creditsLeft }) => [dialect.name, ledger.read(creditsLeft)]),
      ),
    clearLedger() {
      for (const { ledger } of states) ledger.clear();
    },
    setScenario(name, scope = {}) {
      if (!isScenarioName(name)) throw new RangeError(unknownScenarioMessage(name));
      if (scope.provider !== undefined) stateOf(scope.provider);
      // All providers of one simulator share their scenarios.
      states[0]?.context.scenarios.set(name, scope);
    },
    setWebhook(provider, url) {
      const state = stateOf(provider);
      const problem = url === null ? undefined : webhookUrlProblem({ provider, url });
      if (problem !== undefined) throw new RangeError(problem);
      state.webhookUrl = url ?? undefined;
    },
    setCredits(provider, credits) {
      stateOf(provider).creditsLeft = credits;
    },
    setOutage(provider, answer, seconds) {
      stateOf(provider).outage = { reason: answer, untilMs: Date.now() + seconds * 1000 };
    },
    reset() {
      endWork();
      for (const state of states) clearProviderState(state);
      const context = states[0]?.context;
      context?.results.clear();
      context?.scenarios.clear();
    },
  };
}
