import { describe, expect, onTestFinished, test } from 'vitest';
import { fastSimulator, type Pipeline, PROVIDERS, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const MINUTE_MS = 60_000;
/** Ten minutes, as for a video. */
const PATIENT = { giveUpAfterMs: 10 * MINUTE_MS };

/** How many checks have found no task of it, one after the other. */
async function missesOf(pipeline: Pipeline, id: string): Promise<number> {
  const record = await pipeline.store.load(id);
  if (record?.state !== 'submitted') return 0;
  return record.missingChecks ?? 0;
}

const statusesOf = async (pipeline: Pipeline, ids: readonly string[]): Promise<string[]> => {
  const shown = await Promise.all(ids.map(pipeline.get));
  return shown.map(({ status }) => status);
};

describe('odd answers', { timeout: 60_000 }, () => {
  test.for(PROVIDERS)(
    '%s: one check that finds no task ends nothing, and the webhook that comes later completes it',
    async (provider) => {
      const pipeline = await setupPipeline({
        patience: { ...PATIENT, webhookGraceMs: 100, everyMs: 900 },
        simulator: { latencyMs: { min: 3_000, max: 3_000 } },
      });
      const id = await pipeline.request(provider, { scenario: 'briefly-unknown' });
      await until('it has missed the task once', async () => (await missesOf(pipeline, id)) === 1);
      const [shown] = await pipeline.untilSettled([id]);
      expect(shown).toMatchObject({ status: 'completed', polls: expect.any(Number) });
      expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.completed' }]);
    },
  );

  test.for(PROVIDERS)('%s: what a proxy answers on the way ends nothing', async (provider) => {
    const pipeline = await setupPipeline({ webhooks: false, patience: PATIENT });
    const scenarios = ['odd-404', 'gateway-page', 'briefly-unknown'] as const;
    const asked = scenarios.map((scenario) => pipeline.request(provider, { scenario }));
    const shown = await pipeline.untilSettled(await Promise.all(asked));
    expect(shown.map(({ status }) => status)).toEqual(scenarios.map(() => 'completed'));
  });

  /** So many that were accepted, and workers whose provider does not know them. */
  async function amongStrangers(count: number) {
    const pipeline = await setupPipeline({
      webhooks: false,
      workers: false,
      patience: PATIENT,
      simulator: { latencyMs: { min: 60_000, max: 60_000 } },
    });
    const asked = Array.from({ length: count }, () => pipeline.request('fitinview'));
    const ids = await Promise.all(asked);
    const good = await pipeline.startWorkers();
    await until('all are accepted', async () => {
      const shown = await Promise.all(ids.map(pipeline.get));
      return shown.every(({ submittedAt }) => submittedAt !== null);
    });
    await good.stop();
    const stranger = await fastSimulator();
    onTestFinished(stranger.close);
    await pipeline.startWorkers({ FITINVIEW_BASE_URL: `${stranger.url}/fitinview` });
    return { pipeline, ids };
  }

  test('a provider that knows none of many tasks is an outage: nothing ends, and the log says why', async () => {
    const { pipeline, ids } = await amongStrangers(6);
    const outages = () =>
      pipeline.lines.filter(({ msg }) => msg === 'checks count as unanswered').length;
    await until('the log says why', () => outages() > 0);
    for (let minute = 0; minute < 14; minute += 2) {
      const before = pipeline.lines.length;
      pipeline.advanceClock(2 * MINUTE_MS);
      await until('they are asked about again', () => pipeline.lines.length > before + ids.length);
    }
    expect(await statusesOf(pipeline, ids)).toEqual(ids.map(() => 'processing'));
    const records = await Promise.all(ids.map(pipeline.store.load));
    for (const record of records) expect(record).toHaveProperty('unansweredSince');
    expect(outages()).toBe(1);
  });

  test('two that stay unknown over minutes are lost, one by one', async () => {
    const { pipeline, ids } = await amongStrangers(2);
    await until('both are missed', async () => {
      return Math.min(...(await Promise.all(ids.map((id) => missesOf(pipeline, id))))) > 2;
    });
    expect(await statusesOf(pipeline, ids)).toEqual(['processing', 'processing']);
    pipeline.advanceClock(6 * MINUTE_MS);
    const shown = await pipeline.untilSettled(ids);
    expect(shown.map(({ reason }) => reason?.code)).toEqual(['task_lost', 'task_lost']);
  });
});
