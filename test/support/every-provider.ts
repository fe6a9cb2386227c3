import { randomBytes } from 'node:crypto';
import { DEMO_CATALOGUE } from '../../rig/demo/catalogue.ts';
import { freePort } from '../../rig/ports.ts';
import { PROVIDER_NAMES, providerVariable } from '../../src/config/env.ts';
import {
  type Env,
  type Patience,
  type Pipeline,
  type PipelineOptions,
  type Shown,
  setupPipeline,
} from './pipeline.ts';

const SECRETS = {
  fitinview: 'whsec_pipeline_tests',
  vtryon: 'whsec_vtryon_tests',
  replicate: `whsec_${randomBytes(24).toString('base64')}`,
};
const KEYS: Readonly<Record<string, string>> = {
  fitinview: 'fiv_live_tests',
  'image-intelligence': 'client:client-secret',
  'tryon-api': 'ta_tests',
};

/** A pipeline in which every built-in provider is switched on, simulated, and can call us. */
export async function setupEveryProvider(
  options: PipelineOptions & {
    patience: Patience;
    patienceOf?: Readonly<Record<string, Patience>>;
  },
): Promise<Pipeline> {
  const simulatorPort = await freePort();
  const simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
  const env: Record<string, string> = {};
  for (const name of PROVIDER_NAMES) {
    env[providerVariable(name, 'API_KEY')] = KEYS[name] ?? `${name}-key-for-tests`;
    env[providerVariable(name, 'BASE_URL')] = `${simulatorUrl}/${name}`;
    env[providerVariable(name, 'SUBMITS_PER_MINUTE')] = '100000';
    env[providerVariable(name, 'POLLS_PER_SECOND')] = '100';
  }
  for (const [name, secret] of Object.entries(SECRETS)) {
    env[providerVariable(name, 'WEBHOOK_SECRET')] = secret;
  }
  const profile = { firstAfterMs: 150, everyMs: 150, longestMs: 150, factor: 1, maxPolls: 500 };
  env['POLL_PROFILES'] = JSON.stringify(
    Object.fromEntries(
      PROVIDER_NAMES.map((name) => [
        name,
        { ...profile, ...options.patience, ...options.patienceOf?.[name] },
      ]),
    ),
  );
  const pipeline = await setupPipeline({
    ...options,
    env: { ...(env satisfies Env), ...options.env },
    simulator: {
      ...options.simulator,
      port: simulatorPort,
      providers: Object.fromEntries(
        Object.entries(SECRETS).map(([name, secret]) => [name, { secret }]),
      ),
    },
  });
  pipeline.simulator.setWebhook('vtryon', `${pipeline.web.url}/webhooks/vtryon`);
  return pipeline;
}

/** Asks the provider for what the demo asks it for, with a picture of its own. */
export async function askFor(pipeline: Pipeline, provider: string): Promise<Shown['id']> {
  const request = DEMO_CATALOGUE[provider];
  if (!request) throw new Error(`the demo asks ${provider} for nothing`);
  const assets = `${pipeline.simulator.url}/assets`;
  const person = `${assets}/person.png?n=${randomBytes(6).toString('hex')}`;
  const { model } = request;
  const input = request.input(person, `${assets}/garment-shirt.png`);
  const response = await pipeline.post({ provider, model, input });
  if (response.status !== 202) throw new Error(`POST answered ${response.status}`);
  return ((await response.json()) as Shown).id; // our own API's answer
}
