import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { PROVIDER_NAMES, providerVariable } from '../../src/config/env.ts';
import { DEMO_CATALOGUE } from '../../src/dev/demo-catalogue.ts';
import { freePort } from '../../src/dev/environment.ts';
import type { ScenarioName } from '../../src/simulator/scenarios.ts';
import { type Env, type Pipeline, type Shown, setupPipeline } from '../support/pipeline.ts';

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

let pipeline: Pipeline;
let filesFolder: string;

/** One pipeline for all: each test asks for generations of its own. */
beforeAll(async () => {
  filesFolder = await mkdtemp(join(tmpdir(), 'catwalk-ten-'));
  const simulatorPort = await freePort();
  const simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
  const env: Record<string, string> = { FILES_DIR: filesFolder };
  for (const name of PROVIDER_NAMES) {
    env[providerVariable(name, 'API_KEY')] = KEYS[name] ?? `${name}-key-for-tests`;
    env[providerVariable(name, 'BASE_URL')] = `${simulatorUrl}/${name}`;
    env[providerVariable(name, 'SUBMITS_PER_MINUTE')] = '100000';
    env[providerVariable(name, 'POLLS_PER_SECOND')] = '100';
  }
  for (const [name, secret] of Object.entries(SECRETS)) {
    env[providerVariable(name, 'WEBHOOK_SECRET')] = secret;
  }
  const patience = { firstAfterMs: 150, everyMs: 150, longestMs: 150, factor: 1, maxPolls: 500 };
  env['POLL_PROFILES'] = JSON.stringify(
    Object.fromEntries(
      PROVIDER_NAMES.map((name) => [
        name,
        { ...patience, webhookGraceMs: 1_000, giveUpAfterMs: 30_000 },
      ]),
    ),
  );
  pipeline = await setupPipeline({
    env: env satisfies Env,
    simulator: {
      port: simulatorPort,
      providers: Object.fromEntries(
        Object.entries(SECRETS).map(([name, secret]) => [name, { secret }]),
      ),
    },
    onFinished: () => undefined,
  });
  pipeline.simulator.setWebhook('vtryon', `${pipeline.web.url}/webhooks/vtryon`);
  return async () => {
    await pipeline.close();
    await rm(filesFolder, { recursive: true, force: true });
  };
});

async function finished(provider: string, scenario: ScenarioName = 'ok'): Promise<Shown> {
  if (scenario !== 'ok') pipeline.simulator.setScenario(scenario, { provider, count: 1 });
  const request = DEMO_CATALOGUE[provider];
  if (!request) throw new Error(`the demo asks ${provider} for nothing`);
  const assets = `${pipeline.simulator.url}/assets`;
  const person = `${assets}/person.png?n=${randomBytes(6).toString('hex')}`;
  const response = await pipeline.post({
    provider,
    model: request.model,
    input: request.input(person, `${assets}/garment-shirt.png`),
  });
  expect(response.status).toBe(202);
  const { id } = (await response.json()) as Shown; // our own API's answer
  const [shown] = await pipeline.untilSettled([id], 20_000);
  expect(pipeline.eventsOf(id)).toHaveLength(1);
  return shown as Shown;
}

describe.each(PROVIDER_NAMES)('%s', (provider) => {
  test('completes, once, with a result that can be had', async () => {
    const shown = await finished(provider);
    expect(shown).toMatchObject({ status: 'completed', reason: null });
    const [result] = shown.results;
    if (result?.kind === 'file' && result.url.includes('/files/')) {
      const file = join(filesFolder, result.url.split('/').at(-1) ?? '');
      expect(existsSync(file) && readFileSync(file).length).toBeGreaterThan(1_000);
    } else if (result?.kind === 'file') {
      expect((await fetch(result.url)).headers.get('content-type')).toMatch(/^image\//);
    } else {
      expect(result).toMatchObject({ kind: 'data', data: expect.anything() });
    }
  });

  test('is waited for by polls when its webhook never comes', async () => {
    expect(await finished(provider, 'no-webhook')).toMatchObject({ status: 'completed' });
  });

  test('tells a refusal of the content as a failure with a reason', async () => {
    const shown = await finished(provider, 'moderation');
    expect(shown).toMatchObject({ status: 'failed', reason: { code: expect.any(String) } });
  });

  test('is never paid twice for an answer that was lost', async () => {
    const before = pipeline.simulator.ledger()[provider]?.accepted.length ?? 0;
    const shown = await finished(provider, 'lost-reply');
    const paid = (pipeline.simulator.ledger()[provider]?.accepted.length ?? 0) - before;
    expect(paid).toBe(1);
    if (shown.status !== 'completed') expect(shown.reason?.code).toBe('outcome_unknown');
  });
});
