import { describe, expect, test } from 'vitest';
import { setupOnOwnRedis } from '../support/own-redis.ts';
import { sendDelivery } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const PATIENCE = { webhookGraceMs: 600_000, giveUpAfterMs: 900_000 };
const HALF_A_MINUTE_MS = 31_000;

/**
 * With `appendfsync always` what is in the file is on the disk, so a power cut leaves what the file
 * was. Each test cuts it back to the moment at which something was acknowledged.
 */
describe.concurrent('appendfsync always: a power cut right after', () => {
  test('the 202: the generation is there, and completes', async ({ onTestFinished }) => {
    const { own, pipeline } = await setupOnOwnRedis(onTestFinished, { workers: false });
    const id = await pipeline.request('fashn');
    await own.forget(await own.written());
    await until('the web process is back', async () => {
      return (await pipeline.call('GET', '/readyz')).status === 200;
    });
    await pipeline.startWorkers();
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
  });

  test('the call: the intent is there, and a provider without keys is not paid twice', async ({
    onTestFinished,
  }) => {
    const { own, pipeline } = await setupOnOwnRedis(onTestFinished, { webhooks: false });
    const id = await pipeline.request('fashn');
    await until('it is paid', () => pipeline.book('fashn').accepted.length === 1);
    await own.forget(await own.written());
    pipeline.advanceClock(HALF_A_MINUTE_MS);
    const shown = await pipeline.untilFinal(id, 40_000);
    expect(['completed', 'outcome_unknown']).toContain(shown.reason?.code ?? shown.status);
    expect(pipeline.book('fashn').accepted).toHaveLength(1);
  });

  test('the 200 of a webhook: what it said is there, and nobody polls for it', async ({
    onTestFinished,
  }) => {
    const { own, pipeline } = await setupOnOwnRedis(onTestFinished, {
      workers: false,
      patience: PATIENCE,
    });
    const sender = await pipeline.startWorkers({ WORKER_ROLES: 'submit' });
    const id = await pipeline.request('fitinview', { scenario: 'no-webhook' });
    await pipeline.untilShown(id, ({ submittedAt }) => submittedAt !== null);
    await sender.stop();
    const [entry] = pipeline.book('fitinview').accepted;
    if (!entry) throw new Error('nothing was submitted');
    const says = { id: entry.taskId, status: 'completed', result_url: 'https://x.test/1.png' };
    expect((await sendDelivery('fitinview', entry, says)).status).toBe(200);
    await own.forget(await own.written());
    await pipeline.startWorkers();
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', via: 'webhook' });
    expect(entry.polls).toBe(0);
  });
});
