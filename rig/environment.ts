import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { PROVIDER_NAMES, providerVariable } from '../src/config/env.ts';
import { type Child, startChild } from './child-process.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The API key that dev and demo give themselves when none is set. */
export const DEV_API_KEY = 'catwalk-development-key';

/** What a laptop need not set: secrets for this run, one tenant, and URLs of the laptop itself. */
export function developmentDefaults(env: Env): Record<string, string> {
  const defaults: Record<string, string> = {};
  if (!env['CATWALK_SECRET']) defaults['CATWALK_SECRET'] = randomBytes(32).toString('base64');
  if (!env['API_KEYS']) defaults['API_KEYS'] = `demo:${DEV_API_KEY}`;
  // Whoever asks here is on this machine, and so are the simulated providers and their pictures.
  if (!env['ALLOW_INSECURE_URLS']) defaults['ALLOW_INSECURE_URLS'] = 'true';
  if (!env['BOARD_PASSWORD']) defaults['BOARD_PASSWORD'] = 'catwalk-board';
  return defaults;
}

/** Whether the environment holds a key of a real provider. */
export function hasRealProvider(env: Env): boolean {
  return PROVIDER_NAMES.some((name) => env[providerVariable(name, 'API_KEY')]?.trim());
}

export interface Simulation {
  readonly url: string;
  /** Settings that point every provider at the simulator. */
  readonly env: Record<string, string>;
  readonly process: Child;
  /** Every provider behaves like this from now on. @throws Error listing the scenarios there are. */
  play(scenario: string): Promise<void>;
}

/** Keys with the look that a simulated provider insists on; any other takes any key. */
const KEYS: Readonly<Record<string, string>> = {
  fitinview: 'fiv_live_simulated',
  'image-intelligence': 'simulated:simulated-secret',
  'tryon-api': 'ta_simulated',
  replicate: 'r8_simulated',
};
/** How a provider's webhook secret looks; the others sign nothing, or with published keys. */
const SECRETS: Readonly<Record<string, () => string>> = {
  fitinview: () => `whsec_${randomBytes(16).toString('hex')}`,
  vtryon: () => `whsec_${randomBytes(16).toString('hex')}`,
  replicate: () => `whsec_${randomBytes(24).toString('base64')}`,
};

export interface SimulatedAccounts {
  /** What the simulator is started with. */
  readonly args: readonly string[];
  /** Settings that point every provider at the simulator. */
  env(simulatorUrl: string): Record<string, string>;
}

/**
 * Accounts at every simulated provider, with keys and secrets made up for this run.
 * @param publicUrl where it finds our web process, for webhooks that are set up in a dashboard.
 */
export function simulatedAccounts(publicUrl: string): SimulatedAccounts {
  const secrets = Object.entries(SECRETS).map(([name, make]) => [name, make()] as const);
  return {
    args: [
      ...['--webhook', `vtryon=${publicUrl}/webhooks/vtryon`],
      ...secrets.flatMap(([name, secret]) => ['--secret', `${name}=${secret}`]),
    ],
    env(simulatorUrl) {
      const env: Record<string, string> = {};
      for (const name of PROVIDER_NAMES) {
        env[providerVariable(name, 'API_KEY')] = KEYS[name] ?? `${name}-simulated`;
        env[providerVariable(name, 'BASE_URL')] = `${simulatorUrl}/${name}`;
      }
      for (const [name, secret] of secrets) env[providerVariable(name, 'WEBHOOK_SECRET')] = secret;
      return env;
    },
  };
}

/** Starts the simulator as a process of its own. @param publicUrl as for `simulatedAccounts`. */
export async function startSimulation(
  publicUrl: string,
  args: readonly string[] = [],
): Promise<Simulation> {
  const accounts = simulatedAccounts(publicUrl);
  const process = startChild('simulator/main', {
    args: ['--port', '0', ...accounts.args, ...args],
  });
  const [, url = ''] = await process.line(/^simulator ready at (\S+)$/);

  return {
    url,
    process,
    env: accounts.env(url),
    async play(scenario) {
      const response = await fetch(`${url}/_simulator/scenario`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: scenario }),
      });
      if (response.ok) return;
      const { error } = (await response.json()) as { error: string }; // our own simulator's answer
      throw new Error(error);
    },
  };
}

/** Where `npm run dev` puts the simulator if it can: the README's first request says so. */
export const SIMULATOR_PORT = 4010;

/**
 * A port that is free now. Two processes must agree on it before either listens.
 * @param wanted answered if it is free.
 */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  const listening = (port: number) => once(server.listen(port, '127.0.0.1'), 'listening');
  await listening(wanted).catch(() => listening(0));
  // A listening TCP server always has an address of this shape.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
