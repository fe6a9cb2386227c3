import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ScenarioName } from '../../simulator/index.ts';
import { PROVIDER_NAMES } from '../../src/config/env.ts';
import { askFor, setupEveryProvider } from '../support/every-provider.ts';
import type { Pipeline, Shown } from '../support/pipeline.ts';

let pipeline: Pipeline;
let filesFolder: string;

/** One pipeline for all: each test asks for generations of its own. */
beforeAll(async () => {
  filesFolder = await mkdtemp(join(tmpdir(), 'catwalk-ten-'));
  pipeline = await setupEveryProvider({
    env: { FILES_DIR: filesFolder },
    patience: { webhookGraceMs: 1_000, giveUpAfterMs: 30_000 },
    onFinished: () => undefined,
  });
  return async () => {
    await pipeline.close();
    await rm(filesFolder, { recursive: true, force: true });
  };
});

async function finished(provider: string, scenario: ScenarioName = 'ok'): Promise<Shown> {
  if (scenario !== 'ok') pipeline.simulator.setScenario(scenario, { provider, count: 1 });
  const id = await askFor(pipeline, provider);
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

  test('shows a refusal of the content as a failure with a reason', async () => {
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
