import { fileURLToPath } from 'node:url';
import type { Dialect } from '../contract/dialect.ts';
import { DIALECTS } from '../dialects/registry.ts';
import type { ProviderSettings } from '../engine/provider-settings.ts';
import {
  isScenarioName,
  type ScenarioName,
  unknownScenarioMessage,
} from '../scenarios/scenarios.ts';

/** How a simulator is started; everything has a default. */
export interface SimulatorOptions {
  /** Loopback port; 0 (the default) picks a free one. */
  port?: number;
  /** How long a task takes, in simulated time; 2 to 8 s unless told. */
  latencyMs?: { min: number; max: number };
  /** How long a link to a result lives after its task's end, in simulated time; for ever unless told. */
  resultLifetimeMs?: number;
  /** Multiplies every simulated time: latency, waiting, webhook spacing. 1 unless told. */
  timeScale?: number;
  /** The scenario of submits that ask for none; `ok` unless told. */
  scenario?: ScenarioName;
  /** Makes the latencies repeatable. */
  seed?: number;
  /** Per provider name: keys, secret, credits, limits, switches. */
  providers?: Record<string, ProviderSettings>;
  /** Providers beside those of the registry. They take no `providers` settings. */
  moreDialects?: readonly Dialect[];
  /** Folder served under `/assets`; the example pictures unless told. */
  assetsDir?: string;
  /** How long a webhook receiver may take, in real time; 10 s unless told. */
  receiverTimeoutMs?: number;
  /** Receives one line per finished task; silent when absent. */
  log?: (line: string) => void;
}

/** Options that make sense, with their defaults. */
export type CheckedOptions = Required<SimulatorOptions>;

/** A start option that makes no sense. The message says which and what would. */
export class SimulatorOptionError extends Error {
  override name = 'SimulatorOptionError';
}

/** Fills in the defaults. Throws SimulatorOptionError. */
export function checkOptions(options: SimulatorOptions): CheckedOptions {
  const checked: CheckedOptions = {
    port: 0,
    latencyMs: { min: 2_000, max: 8_000 },
    resultLifetimeMs: Number.POSITIVE_INFINITY,
    timeScale: 1,
    scenario: 'ok',
    seed: Date.now(),
    providers: {},
    moreDialects: [],
    assetsDir: fileURLToPath(new URL('../artwork', import.meta.url)),
    receiverTimeoutMs: 10_000,
    log: () => undefined,
    ...options,
  };
  const { port, latencyMs, timeScale, seed } = checked;
  assertOption(Number.isInteger(port) && port >= 0 && port <= 65_535, 'port must be 0 to 65535');
  assertOption(
    latencyMs.min >= 0 && latencyMs.max >= latencyMs.min && Number.isFinite(latencyMs.max),
    'latency must be a least and a greatest number of milliseconds, in that order',
  );
  assertOption(checked.resultLifetimeMs > 0, 'result lifetime must be more than 0 milliseconds');
  assertOption(timeScale >= 0 && Number.isFinite(timeScale), 'time scale must be 0 or more');
  assertOption(Number.isFinite(seed), 'seed must be a number');
  if (!isScenarioName(checked.scenario)) {
    throw new SimulatorOptionError(unknownScenarioMessage(checked.scenario));
  }
  for (const [name, settings] of Object.entries(checked.providers)) checkProvider(name, settings);
  return checked;
}

function assertOption(isGood: boolean, message: string): asserts isGood {
  if (!isGood) throw new SimulatorOptionError(`The ${message}.`);
}

function checkProvider(name: string, settings: ProviderSettings): void {
  const dialect = DIALECTS.find((candidate) => candidate.name === name);
  if (!dialect) throw new SimulatorOptionError(unknownProviderMessage(name));
  const problem =
    settings.webhookUrl === undefined
      ? undefined
      : webhookUrlProblem({ provider: name, url: settings.webhookUrl });
  if (problem !== undefined) throw new SimulatorOptionError(problem);
  for (const [switchName, value] of Object.entries(settings.switches ?? {})) {
    const values = dialect.switches[switchName];
    if (!values?.includes(value)) {
      const known = Object.entries(dialect.switches).map(([key, all]) => `${key}=${all.join('|')}`);
      throw new SimulatorOptionError(
        `Unknown switch "${switchName}=${value}" of ${name}. Known: ${known.join(', ') || 'none'}.`,
      );
    }
  }
}

/** Why the provider cannot have this URL as its account's webhook, if it cannot. */
export function webhookUrlProblem(wanted: { provider: string; url: string }): string | undefined {
  const dialect = DIALECTS.find((candidate) => candidate.name === wanted.provider);
  if (!dialect) return unknownProviderMessage(wanted.provider);
  if (!dialect.webhook) return `${wanted.provider} sends no webhooks.`;
  const protocol = URL.canParse(wanted.url) ? new URL(wanted.url).protocol : '';
  // The URL itself may carry a token, so it is not repeated.
  return /^https?:$/.test(protocol) ? undefined : 'The webhook must be an http(s) URL.';
}

/** The sentence shown wherever an unknown provider was named. */
export function unknownProviderMessage(name: string): string {
  const known = DIALECTS.map((dialect) => dialect.name).join(', ');
  return `Unknown provider "${name}". Known: ${known}.`;
}
