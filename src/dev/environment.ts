import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { PROVIDER_NAMES, providerVariable } from '../config/env.ts';
import { type Child, startChild } from './child-process.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The API key that dev and demo give themselves when none is set. */
export const DEV_API_KEY = 'catwalk-development-key';

/** What a laptop need not set: secrets for this run, and one tenant. */
export function developmentDefaults(env: Env): Record<string, string> {
  const defaults: Record<string, string> = {};
  if (!env['CATWALK_SECRET']) defaults['CATWALK_SECRET'] = randomBytes(32).toString('base64');
  if (!env['API_KEYS']) defaults['API_KEYS'] = `demo:${DEV_API_KEY}`;
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
}

/** Starts the simulator as a process of its own, with keys and secrets made up for this run. */
export async function startSimulation(args: readonly string[] = []): Promise<Simulation> {
  const webhookSecret = `whsec_${randomBytes(16).toString('hex')}`;
  const process = startChild('simulator/main', {
    args: ['--port', '0', '--secret', `fitinview=${webhookSecret}`, ...args],
  });
  const [, url = ''] = await process.line(/^simulator ready at (\S+)$/);
  return {
    url,
    process,
    env: {
      FITINVIEW_API_KEY: 'fiv_live_simulated',
      FITINVIEW_BASE_URL: `${url}/fitinview`,
      FITINVIEW_WEBHOOK_SECRET: webhookSecret,
      FASHN_API_KEY: 'fa-simulated',
      FASHN_BASE_URL: `${url}/fashn`,
    },
  };
}

/** A port that is free now. Two processes must agree on it before either listens. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
