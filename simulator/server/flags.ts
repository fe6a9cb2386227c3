import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { ProviderSettings } from '../engine/provider-settings.ts';
import { isScenarioName, unknownScenarioMessage } from '../scenarios/scenarios.ts';
import { SimulatorOptionError, type SimulatorOptions } from './options.ts';

/** The command line, understood. */
export interface Flags {
  isHelpWanted: boolean;
  isQuiet: boolean;
  exitsWithStdin: boolean;
  options: SimulatorOptions;
}

/** Where a simulator is unless told. */
export const DEFAULT_PORT = 4010;

/** Every flag, as `parseArgs` wants them. */
export const FLAGS = {
  port: { type: 'string' },
  latency: { type: 'string' },
  'result-lifetime': { type: 'string' },
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
} as const satisfies NonNullable<ParseArgsConfig['options']>;

/** Reads the command line. Throws SimulatorOptionError, whose message names the flag. */
export function parseFlags(args: string[]): Flags {
  const { values } = parseKnownFlags(args);
  const port = readNumber('port', values.port);
  const timeScale = readNumber('time-scale', values['time-scale']);
  const seed = readNumber('seed', values.seed);
  const resultLifetimeMs = readNumber('result-lifetime', values['result-lifetime']);
  const scenario = values.scenario;
  if (scenario !== undefined && !isScenarioName(scenario)) {
    throw new SimulatorOptionError(unknownScenarioMessage(scenario));
  }
  return {
    isHelpWanted: values.help === true,
    isQuiet: values.quiet === true,
    exitsWithStdin: values['exit-with-stdin'] === true,
    options: {
      port: port ?? DEFAULT_PORT,
      providers: readProviders(values),
      ...(timeScale !== undefined && { timeScale }),
      ...(resultLifetimeMs !== undefined && { resultLifetimeMs }),
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
      options: FLAGS,
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
