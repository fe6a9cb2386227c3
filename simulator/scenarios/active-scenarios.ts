import QuickLRU from 'quick-lru';
import { type Scenario, type ScenarioName, scenarioNamed } from './scenarios.ts';

const MAX_REMEMBERED_KEYS = 100_000;

/** The calls that can meet a scenario. */
type CallKind = 'submit' | 'upload';

/** What a scenario is set for. */
export interface ScenarioScope {
  /** Only this provider; every provider when absent. */
  provider?: string;
  /** Only this many calls, after which the provider is `ok` again; until changed when absent. */
  count?: number;
  /** Which calls: those that ask for work (the default), or those that only send a file ahead. */
  on?: CallKind;
}

/** The scenario that one call meets. */
export interface ChosenScenario {
  name: ScenarioName;
  scenario: Scenario;
  /** How many submits with this scenario and key there have been, this one included. */
  submitNumber: number;
}

/** Which scenarios are set, and who has met them. */
export interface ActiveScenarios {
  set(name: ScenarioName, scope?: ScenarioScope): void;
  /** Picks the scenario of one submit: the one it asks for, else the one that is set. */
  choose(call: {
    provider: string;
    kind: CallKind;
    key: string;
    requested?: ScenarioName;
  }): ChosenScenario;
  /** Back to the scenario the simulator started with. */
  clear(): void;
}

interface Setting {
  name: ScenarioName;
  submitsLeft: number;
}

const callerOf = (provider: string, kind: CallKind): string => `${provider}/${kind}`;

/** How many submits of one key a scenario is about, if that is a limited number. */
function submitsAffected(scenario: Scenario): number {
  const refused = scenario.refusal?.firstSubmits ?? 0;
  // The one that is refused, and the one that is accepted, whose first poll is refused.
  const expired = scenario.expiresToken ? 2 : 0;
  const lost = scenario.loseFirstReply || scenario.gatewayTakesFirstReply ? 1 : 0;
  return Number.isFinite(refused) ? refused + expired + lost : 0;
}

/** Holds which scenario is on, and how often each submit has already met it. */
export function createActiveScenarios(initial: ScenarioName, providers: string[]): ActiveScenarios {
  const settings = new Map<string, Setting>();
  const met = new QuickLRU<string, { name: ScenarioName; submits: number }>({
    maxSize: MAX_REMEMBERED_KEYS,
  });

  function setAll(callers: string[], name: ScenarioName, submitsLeft: number): void {
    for (const caller of callers) {
      settings.set(caller, { name, submitsLeft });
      // A scenario that was set again starts counting "first submits" again.
      for (const key of met.keys()) if (key.startsWith(`${caller} `)) met.delete(key);
    }
  }

  function takeSetting(caller: string): ScenarioName {
    const setting = settings.get(caller);
    if (setting === undefined || setting.submitsLeft <= 0) return 'ok';
    setting.submitsLeft -= 1;
    return setting.name;
  }

  const callersOf = (names: string[], kind: CallKind) => names.map((name) => callerOf(name, kind));

  setAll(callersOf(providers, 'submit'), initial, Number.POSITIVE_INFINITY);

  return {
    set(name, scope = {}) {
      const names = scope.provider === undefined ? providers : [scope.provider];
      const callers = callersOf(names, scope.on ?? 'submit');
      setAll(callers, name, scope.count ?? Number.POSITIVE_INFINITY);
    },
    choose({ provider, kind, key, requested }) {
      const caller = callerOf(provider, kind);
      const metKey = `${caller} ${key}`;
      const before = met.get(metKey);
      // A scenario about several submits holds its key until they have happened, even when it was
      // set for a count of one: the repeats belong to the same story.
      const isUnfinished =
        before !== undefined && before.submits < submitsAffected(scenarioNamed(before.name));
      const name = requested ?? (isUnfinished ? before.name : takeSetting(caller));
      const submitNumber = before?.name === name ? before.submits + 1 : 1;
      met.set(metKey, { name, submits: submitNumber });
      return { name, scenario: scenarioNamed(name), submitNumber };
    },
    clear: () => {
      met.clear();
      settings.clear();
      setAll(callersOf(providers, 'submit'), initial, Number.POSITIVE_INFINITY);
    },
  };
}
