import { describe, expect, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { newGenerationId } from '../../src/generation/ids.ts';
import { type Pipeline, PROVIDERS, type ProviderName, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** What `createRequestGeneration` records, without the submit job that should follow. */
async function recordOnly(pipeline: Pipeline, provider: ProviderName) {
  const { model, input } = pipeline.bodyOf(provider);
  const createdAt = Date.now();
  const record = {
    id: newGenerationId(createdAt),
    version: 1,
    tenant: 'acme',
    provider,
    model,
    mode: 'hybrid' as const,
    input,
    createdAt,
    attempt: 1,
    sends: 0,
    refusals: 0,
    state: 'queued' as const,
    deadlineAt: createdAt + 3_600_000,
    dueAt: createdAt + 30_000,
  };
  await pipeline.store.create(record);
  return record;
}

async function jobCount(pipeline: Pipeline, name: string): Promise<number> {
  return pipeline.queue(name).getJobCountByTypes('waiting', 'active', 'delayed');
}

describe.each(PROVIDERS)('%s', (provider) => {
  test('a submit job that never came to be is issued by the schedule, once it is overdue', async () => {
    const pipeline = await setupPipeline();
    const { id } = await recordOnly(pipeline, provider);
    expect(await pipeline.get(id)).toMatchObject({ status: 'queued' });
    pipeline.advanceClock(31_000);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
    expect(pipeline.book(provider).accepted).toHaveLength(1);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('a submit job that Redis lost is issued again by the schedule', async () => {
    const pipeline = await setupPipeline({ workers: false });
    const id = await pipeline.request(provider);
    await pipeline.queue(queueNames.submit(provider)).obliterate();
    expect(await jobCount(pipeline, queueNames.submit(provider))).toBe(0);
    await pipeline.startWorkers();
    pipeline.advanceClock(31_000);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
    expect(pipeline.book(provider).accepted).toHaveLength(1);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('a submit job that is only late is not doubled by its re-issue', async () => {
    const pipeline = await setupPipeline({ workers: false });
    const id = await pipeline.request(provider);
    await pipeline.startWorkers({ WORKER_ROLES: 'poll' });
    for (let round = 1; round <= 3; round++) {
      const before = await pipeline.store.load(id);
      pipeline.advanceClock(600_000);
      await until('the schedule has dealt with it', async () => {
        return (await pipeline.store.load(id))?.version !== before?.version;
      });
    }
    expect(await jobCount(pipeline, queueNames.submit(provider))).toBe(1);
    await pipeline.startWorkers();
    await pipeline.untilSettled([id]);
    expect(pipeline.book(provider).accepted).toHaveLength(1);
  });

  test('a round that Redis lost is added again by the tick', async () => {
    const pipeline = await setupPipeline({ workers: false, webhooks: false });
    const sender = await pipeline.startWorkers({ WORKER_ROLES: 'submit,completion,subscribers' });
    const id = await pipeline.request(provider);
    await pipeline.untilShown(id, ({ submittedAt }) => submittedAt !== null);
    await sender.stop();
    await pipeline.queue(queueNames.poll(provider)).obliterate({ force: true });
    await pipeline.startWorkers();
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', via: 'poll' });
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('a completion that was saved but not notified is notified by the schedule, once', async () => {
    const pipeline = await setupPipeline({ workers: false });
    const record = await recordOnly(pipeline, provider);
    const { id, deadlineAt: _, dueAt: __, ...common } = record;
    const finishedAt = Date.now();
    // What a worker leaves that dies between saving the outcome and adding the subscribers' jobs.
    const saved = await pipeline.store.save({
      ...common,
      id,
      state: 'completed',
      results: [{ kind: 'file', url: 'https://x.test/result.png' }],
      finishedAt,
      via: 'webhook',
      polls: 0,
      dueAt: finishedAt + 30_000,
    });
    expect(saved.saved).toBe(true);
    await pipeline.startWorkers();
    pipeline.advanceClock(31_000);
    await pipeline.untilSettled([id]);
    await until('nothing is owed any more', async () => {
      return (await pipeline.redis.zscore(pipeline.keys.owed(provider), id)) === null;
    });
    expect(pipeline.eventsOf(id)).toMatchObject([
      { timestamp: new Date(finishedAt).toISOString(), data: { outcome: 'completed' } },
    ]);
    expect(pipeline.book(provider).accepted).toHaveLength(0);
  });

  test('what a crashed worker took in a round is taken by another after the lease', async () => {
    const pipeline = await setupPipeline({ workers: false, webhooks: false });
    const sender = await pipeline.startWorkers({ WORKER_ROLES: 'submit,completion,subscribers' });
    const id = await pipeline.request(provider);
    await pipeline.untilShown(id, ({ submittedAt }) => submittedAt !== null);
    await sender.stop();
    // As the script does for the taker that then died: due again when the lease is over.
    const leasedUntil = Date.now() + 1_000;
    await pipeline.redis.zadd(pipeline.keys.checks(provider), leasedUntil, id);
    await pipeline.queue(queueNames.poll(provider)).obliterate({ force: true });
    await pipeline.startWorkers();
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', via: 'poll' });
    expect(Date.parse(shown?.finishedAt ?? '')).toBeGreaterThanOrEqual(leasedUntil);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });
});

test('scripts that Redis forgot in the middle are loaded again, and everything completes', async () => {
  const pipeline = await setupPipeline();
  const ids: string[] = [];
  for (let wave = 0; wave < 4; wave++) {
    const asked = PROVIDERS.flatMap((provider) => [
      pipeline.request(provider),
      pipeline.request(provider, { scenario: 'duplicate-webhook' }),
    ]);
    await pipeline.redis.script('FLUSH');
    ids.push(...(await Promise.all(asked)));
    await pipeline.redis.script('FLUSH');
  }
  const shown = await pipeline.untilSettled(ids);
  expect(shown.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
  expect(pipeline.events).toHaveLength(ids.length);
  for (const provider of PROVIDERS) expect(pipeline.book(provider).accepted).toHaveLength(8);
});
