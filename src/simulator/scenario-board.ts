import { setBounded } from './bounded.ts';
import { type Scenario, type ScenarioName, scenarioNamed } from './scenarios.ts';

const maxRememberedKeys = 100_000;

export interface ScenarioScope {
  /** Only this provider; every provider when absent. */
  provider?: string;
  /** Only this many submits, after which the provider is `ok` again; until changed when absent. */
  count?: number;
}

export interface ChosenScenario {
  name: ScenarioName;
  scenario: Scenario;
  /** How many submits with this scenario and key there have been, this one included. */
  submitNumber: number;
}

export interface ScenarioBoard {
  set(name: ScenarioName, scope?: ScenarioScope): void;
  /** Picks the scenario of one submit: the one it asks for, else the one that is set. */
  choose(submit: { provider: string; key: string; requested?: ScenarioName }): ChosenScenario;
  /** Back to the scenario the simulator started with. */
  clear(): void;
}

interface Setting {
  name: ScenarioName;
  submitsLeft: number;
}

/** How many submits of one key a scenario is about, if that is a limited number. */
function submitsAffected(scenario: Scenario): number {
  const refused = scenario.refusal?.firstSubmits ?? 0;
  return Number.isFinite(refused) ? refused + (scenario.loseFirstReply ? 1 : 0) : 0;
}

/** Holds which scenario is on, and how often each submit has already met it. */
export function createScenarioBoard(initial: ScenarioName, providers: string[]): ScenarioBoard {
  const settings = new Map<string, Setting>();
  const met = new Map<string, { name: ScenarioName; submits: number }>();

  function setAll(names: string[], name: ScenarioName, submitsLeft: number): void {
    for (const provider of names) {
      settings.set(provider, { name, submitsLeft });
      // A scenario that was set again starts counting "first submits" again.
      for (const key of met.keys()) if (key.startsWith(`${provider} `)) met.delete(key);
    }
  }

  function takeSetting(provider: string): ScenarioName {
    const setting = settings.get(provider);
    if (setting === undefined || setting.submitsLeft <= 0) return 'ok';
    setting.submitsLeft -= 1;
    return setting.name;
  }

  setAll(providers, initial, Number.POSITIVE_INFINITY);

  return {
    set(name, scope = {}) {
      const names = scope.provider === undefined ? providers : [scope.provider];
      setAll(names, name, scope.count ?? Number.POSITIVE_INFINITY);
    },
    choose({ provider, key, requested }) {
      const metKey = `${provider} ${key}`;
      const before = met.get(metKey);
      // A scenario about several submits holds its key until they have happened, even when it was
      // set for a count of one: the repeats belong to the same story.
      const isUnfinished =
        before !== undefined && before.submits < submitsAffected(scenarioNamed(before.name));
      const name = requested ?? (isUnfinished ? before.name : takeSetting(provider));
      const submitNumber = before?.name === name ? before.submits + 1 : 1;
      setBounded(met, metKey, { name, submits: submitNumber }, maxRememberedKeys);
      return { name, scenario: scenarioNamed(name), submitNumber };
    },
    clear: () => {
      met.clear();
      setAll(providers, initial, Number.POSITIVE_INFINITY);
    },
  };
}
