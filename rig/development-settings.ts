import { randomBytes } from 'node:crypto';
import { PROVIDER_NAMES, providerVariable } from '../src/config/env.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The API key that dev and demo give themselves when none is set. */
export const DEV_API_KEY = 'catwalk-development-key';

/** Where `npm run dev` puts the simulator if it can: the README's first request says so. */
export const SIMULATOR_PORT = 4010;

/** What a laptop need not set: secrets for this run, and one tenant. */
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
