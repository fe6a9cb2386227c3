import type { z } from 'zod';
import { Environment, PROVIDER_NAMES, ProviderEnvironment, providerVariable } from './env.ts';
import { inPlainWords } from './plain-words.ts';
import { POLL_PROFILES } from './poll-profiles.ts';
import { aboutOf } from './variables.ts';
import { weaknessOf } from './weak-password.ts';

/** One provider that is switched on. */
interface ProviderSettings {
  readonly apiKey: string;
  readonly baseUrl: string | undefined;
  readonly taskPath: string | undefined;
  readonly submitPath: string | undefined;
  readonly webhookSecrets: string[];
  readonly trust: 'hint' | 'token';
  readonly checkInputs: boolean;
  readonly onUnknownOutcome: 'fail' | 'resubmit';
  readonly limits: {
    readonly submitsPerMinute: number | undefined;
    readonly concurrency: number | undefined;
    readonly pollsPerSecond: number | undefined;
    readonly running: number | undefined;
  };
  /** In the provider's own units; undefined: worked out from what submissions cost. */
  readonly credits: { readonly alarm: number | undefined; readonly floor: number | undefined };
}

/** The whole environment, checked and typed, with each provider's variables gathered. */
export interface Settings extends Environment {
  readonly providers: Readonly<Partial<Record<string, ProviderSettings>>>;
  /** Every secret value, to be blotted out of logs. */
  readonly secretValues: readonly string[];
}

/** Everything that is wrong with the environment, one line each, naming the variable. */
export class InvalidSettings extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Invalid settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'InvalidSettings';
    this.problems = problems;
  }
}

type Env = Readonly<Record<string, string | undefined>>;

export const MISSING_SECRET = 'CATWALK_SECRET: is required (openssl rand -base64 32)';

/**
 * Reads all settings.
 * @param providerNames whose variables to read; providers of your own need no other registration.
 * @param missing what the caller finds missing besides, so that everything is said at once.
 * @throws InvalidSettings with every problem together.
 */
export function readSettings(
  env: Env,
  providerNames: Iterable<string> = PROVIDER_NAMES,
  missing: readonly string[] = [],
): Settings {
  const problems: string[] = [...missing];
  const parse = <T extends z.ZodType>(
    schema: T,
    values: Env,
    prefix = '',
  ): z.infer<T> | undefined => {
    const parsed = schema.safeParse(values, { error: inPlainWords });
    for (const issue of parsed.error?.issues ?? []) {
      problems.push(`${prefix}${issue.path.join('.')}: ${issue.message}`);
    }
    return parsed.data;
  };

  const environment = parse(Environment, withoutEmpty(env));
  const providers: Record<string, ProviderSettings> = {};
  const names = [...providerNames];
  for (const name of names) {
    const prefix = providerVariable(name, '');
    const own = Object.keys(ProviderEnvironment.shape).map((key) => [key, env[prefix + key]]);
    const parsed = parse(ProviderEnvironment, withoutEmpty(Object.fromEntries(own)), prefix);
    if (parsed?.API_KEY) providers[name] = gather(parsed, parsed.API_KEY);
  }
  if (environment) problems.push(...contradictions(environment, names));
  if (!environment || problems.length > 0) throw new InvalidSettings([...new Set(problems)]);

  return {
    ...environment,
    providers,
    secretValues: secretValues(env, names),
  };
}

function gather(own: ProviderEnvironment, apiKey: string): ProviderSettings {
  return {
    apiKey,
    baseUrl: own.BASE_URL,
    taskPath: own.TASK_PATH,
    submitPath: own.SUBMIT_PATH,
    webhookSecrets: own.WEBHOOK_SECRET,
    trust: own.TRUST,
    checkInputs: own.CHECK_INPUTS === 'on',
    onUnknownOutcome: own.ON_UNKNOWN_OUTCOME,
    limits: {
      submitsPerMinute: own.SUBMITS_PER_MINUTE,
      concurrency: own.CONCURRENCY,
      pollsPerSecond: own.POLLS_PER_SECOND,
      running: own.RUNNING,
    },
    credits: { alarm: own.CREDITS_ALARM, floor: own.CREDITS_FLOOR },
  };
}

function contradictions(env: Environment, providerNames: readonly string[]): string[] {
  const problems: string[] = [];
  // A misspelt name would change nothing, silently.
  for (const key of Object.keys(env.POLL_PROFILES)) {
    if (Object.hasOwn(POLL_PROFILES, key)) continue;
    if (providerNames.includes(key.split('/')[0] ?? '')) continue;
    const types = Object.keys(POLL_PROFILES).join(', ');
    problems.push(
      `POLL_PROFILES.${key}: must be a model type (${types}), a provider or provider/model`,
    );
  }
  if (env.LEASE_MS <= env.POLL_TIMEOUT_MS) {
    problems.push('LEASE_MS: must be longer than POLL_TIMEOUT_MS');
  }
  if (!env.VAULT_S3_BUCKET && env.VAULT_S3_ENDPOINT) {
    problems.push('VAULT_S3_BUCKET: is required where VAULT_S3_ENDPOINT is set');
  }
  if (!env.VAULT_S3_ACCESS_KEY_ID !== !env.VAULT_S3_SECRET_ACCESS_KEY) {
    problems.push('VAULT_S3_ACCESS_KEY_ID and VAULT_S3_SECRET_ACCESS_KEY: set both or neither');
  }
  if (env.CATWALK_SECRET_FROM.length > Math.max(env.CATWALK_SECRET.length, 1)) {
    problems.push('CATWALK_SECRET_FROM: has more moments than CATWALK_SECRET has secrets');
  }
  const tenantOf = new Map<string, string>();
  for (const { tenant, key } of env.API_KEYS) {
    const other = tenantOf.get(key) ?? tenant;
    if (other !== tenant) {
      problems.push(`API_KEYS: tenants "${other}" and "${tenant}" have the same key`);
    }
    tenantOf.set(key, tenant);
  }
  if (env.NODE_ENV !== 'production') return problems;
  if (env.CATWALK_SECRET.length === 0) problems.push(MISSING_SECRET);
  const isRehearsal = env.ALLOW_INSECURE_URLS && isLoopback(env.PUBLIC_URL);
  if (env.PUBLIC_URL && !env.PUBLIC_URL.startsWith('https:') && !isRehearsal) {
    problems.push(
      'PUBLIC_URL: must be https in production; http is for a rehearsal on this machine alone ' +
        '(http://127.0.0.1:3000), and needs ALLOW_INSECURE_URLS=true',
    );
  }
  const weakness = env.BOARD_PASSWORD && weaknessOf(env.BOARD_PASSWORD);
  if (weakness) problems.push(`BOARD_PASSWORD: ${weakness} (openssl rand -base64 24)`);
  return problems;
}

/** Nobody but this machine can read what is sent there. The URL parser writes every number alike. */
function isLoopback(url: string | undefined): boolean {
  if (!url) return false;
  const { hostname } = new URL(url);
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

function withoutEmpty(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
}

/** Each variable of the schema: name, schema, and what is to be said about it. */
function allVariables(
  providerNames: readonly string[] = PROVIDER_NAMES,
): { name: string; schema: z.ZodType }[] {
  const named = (shape: Readonly<Record<string, z.ZodType>>, prefix = '') =>
    Object.entries(shape).map(([key, schema]) => ({ name: prefix + key, schema }));
  return [
    ...named(Environment.shape),
    ...providerNames.flatMap((name) =>
      named(ProviderEnvironment.shape, providerVariable(name, '')),
    ),
  ];
}

function secretValues(env: Env, providerNames: readonly string[]): string[] {
  return allVariables(providerNames)
    .filter(({ schema }) => aboutOf(schema).secret)
    .map(({ name }) => env[name]?.trim() ?? '')
    .flatMap((text) => (text.includes('://') ? [text, ...passwordsIn(text)] : partsOf(text)))
    .filter((value) => value.length >= 8);
}

/** A value may be one secret that holds commas and colons, a list of them, or `tenant:key` pairs. */
function partsOf(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  return [text, ...entries, ...entries.map((entry) => entry.replace(/^[^:]*:/, ''))];
}

/** As it is written in the URL, and as it is meant. */
function passwordsIn(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { password } = new URL(url);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

/** What is set, for the line at start: secrets as `set` or `unset`, never their value. */
export function summarise(env: Env): Record<string, string> {
  return Object.fromEntries(
    allVariables()
      .filter(({ name }) => env[name]?.trim())
      .map(({ name, schema }) => [name, aboutOf(schema).secret ? 'set' : String(env[name])]),
  );
}
