import { parseArgs } from 'node:util';
import { dialects } from '../dialects/registry.ts';
import type { ProviderSettings } from '../engine/provider-state.ts';
import { isScenarioName, scenarios, unknownScenarioMessage } from '../scenarios/scenarios.ts';
import { SimulatorOptionError, type SimulatorOptions } from './options.ts';

export interface Flags {
  isHelpWanted: boolean;
  isQuiet: boolean;
  exitsWithStdin: boolean;
  options: SimulatorOptions;
}

const defaultPort = 4010;

/** Reads the command line. Throws SimulatorOptionError, whose message names the flag. */
export function parseFlags(args: string[]): Flags {
  const { values } = parseKnownFlags(args);
  const port = readNumber('port', values.port);
  const timeScale = readNumber('time-scale', values['time-scale']);
  const seed = readNumber('seed', values.seed);
  const scenario = values.scenario;
  if (scenario !== undefined && !isScenarioName(scenario)) {
    throw new SimulatorOptionError(unknownScenarioMessage(scenario));
  }
  return {
    isHelpWanted: values.help === true,
    isQuiet: values.quiet === true,
    exitsWithStdin: values['exit-with-stdin'] === true,
    options: {
      port: port ?? defaultPort,
      providers: readProviders(values),
      ...(timeScale !== undefined && { timeScale }),
      ...(seed !== undefined && { seed }),
      ...(scenario !== undefined && { scenario }),
      ...(values.latency !== undefined && { latencyMs: readRange(values.latency) }),
    },
  };
}

function parseKnownFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string' },
        latency: { type: 'string' },
        'time-scale': { type: 'string' },
        scenario: { type: 'string' },
        seed: { type: 'string' },
        key: { type: 'string', multiple: true },
        secret: { type: 'string', multiple: true },
        webhook: { type: 'string', multiple: true },
        credits: { type: 'string', multiple: true },
        switch: { type: 'string', multiple: true },
        quiet: { type: 'boolean' },
        'exit-with-stdin': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    // parseArgs explains itself well, and names the flag.
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new SimulatorOptionError(message, { cause });
  }
}

function readNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new SimulatorOptionError(`--${flag} must be a number, not "${text}".`);
}

function readRange(text: string): { min: number; max: number } {
  const [, min, max] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (min === undefined) {
    throw new SimulatorOptionError(`--latency must look like 2000-8000, not "${text}".`);
  }
  return { min: Number(min), max: Number(max ?? min) };
}

function readProviders(values: {
  key?: string[] | undefined;
  secret?: string[] | undefined;
  webhook?: string[] | undefined;
  credits?: string[] | undefined;
  switch?: string[] | undefined;
}): Record<string, ProviderSettings> {
  const providers: Record<string, ProviderSettings> = {};
  const settingsOf = (name: string): ProviderSettings => {
    providers[name] ??= {};
    return providers[name];
  };
  for (const [provider, key] of readPairs('key', values.key)) {
    const settings = settingsOf(provider);
    settings.keys = [...(settings.keys ?? []), key];
  }
  for (const [provider, secret] of readPairs('secret', values.secret)) {
    settingsOf(provider).secret = secret;
  }
  for (const [provider, url] of readPairs('webhook', values.webhook)) {
    settingsOf(provider).webhookUrl = url;
  }
  for (const [provider, text] of readPairs('credits', values.credits)) {
    const credits = readNumber('credits', text);
    if (credits !== undefined) settingsOf(provider).credits = credits;
  }
  for (const [dotted, value] of readPairs('switch', values.switch)) {
    const [provider = '', name = ''] = dotted.split('.');
    const settings = settingsOf(provider);
    settings.switches = { ...settings.switches, [name]: value };
  }
  return providers;
}

function readPairs(flag: string, texts: string[] | undefined): [string, string][] {
  return (texts ?? []).map((text) => {
    const at = text.indexOf('=');
    // The text itself may be a secret, so it is not repeated.
    if (at < 1) throw new SimulatorOptionError(`--${flag} must look like <provider>=<value>.`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}

/** What `--help` prints. */
export function helpText(): string {
  const width = Math.max(...Object.keys(scenarios).map((name) => name.length));
  const scenarioLines = Object.entries(scenarios).map(
    ([name, { description }]) => `  ${name.padEnd(width)}  ${description}`,
  );
  const dialectLines = dialects.map((dialect) => {
    const switches = Object.entries(dialect.switches).map(([k, all]) => `${k}=${all.join('|')}`);
    const secret = dialect.webhook
      ? dialect.defaultSecret || 'none, webhooks are unsigned'
      : 'none, poll only';
    return `  /${dialect.name}  secret: ${secret}; switches: ${switches.join(', ') || 'none'}`;
  });
  return `Stand-in try-on providers on loopback.

Usage: npm run simulator -- [flags]

  --port <0-65535>              default ${defaultPort}; 0 picks a free one
  --latency <min>-<max>         how long a task takes, in ms; default 2000-8000
  --time-scale <factor>         multiplies every simulated time; default 1
  --scenario <name>             for submits that ask for none; default ok
  --seed <number>               makes latencies repeatable
  --key <provider>=<key>        accept only this key (id:secret where there are two parts); may be
                                repeated
  --secret <provider>=<secret>  webhook signing secret
  --webhook <provider>=<url>    the account's webhook, for submits that name none
  --credits <provider>=<n>      credits at the start
  --switch <provider>.<s>=<v>   choose where the provider's documents disagree
  --quiet                       no line per finished task
  --exit-with-stdin             stop when stdin closes, so a dead parent leaves nothing behind
  --help                        this text

Providers:
${dialectLines.join('\n')}

Scenarios (header x-simulate, or ?simulate=<name> in an input image's URL; ?marker=<name> is kept
in the ledger; a picture from /assets carries both in its bytes):
${scenarioLines.join('\n')}

Control: GET /_simulator/scenarios, POST /_simulator/scenario, POST /_simulator/webhook,
POST /_simulator/outage, GET and DELETE /_simulator/ledger, POST /_simulator/reset.
Pictures: /assets/<file>, /results/<id>.<format>.
`;
}
