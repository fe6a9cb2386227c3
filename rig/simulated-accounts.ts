import { randomBytes } from 'node:crypto';
import { PROVIDER_NAMES, providerVariable } from '../src/config/env.ts';

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
  /** Settings that point these providers, all of ours when left out, at the simulator. */
  env(simulatorUrl: string, providers?: readonly string[]): Record<string, string>;
}

/**
 * Accounts at every simulated provider, with keys and secrets made up for this run.
 * @param publicUrl where it finds our web process, for webhooks that are set up in a dashboard.
 */
export function simulatedAccounts(publicUrl: string): SimulatedAccounts {
  const secrets = new Map(Object.entries(SECRETS).map(([name, make]) => [name, make()]));
  return {
    args: [
      ...['--webhook', `vtryon=${publicUrl}/webhooks/vtryon`],
      ...[...secrets].flatMap(([name, secret]) => ['--secret', `${name}=${secret}`]),
    ],
    env(simulatorUrl, providers = PROVIDER_NAMES) {
      const env: Record<string, string> = {};
      for (const name of providers) {
        env[providerVariable(name, 'API_KEY')] = KEYS[name] ?? `${name}-simulated`;
        env[providerVariable(name, 'BASE_URL')] = `${simulatorUrl}/${name}`;
        const secret = secrets.get(name);
        if (secret !== undefined) env[providerVariable(name, 'WEBHOOK_SECRET')] = secret;
      }
      return env;
    },
  };
}
