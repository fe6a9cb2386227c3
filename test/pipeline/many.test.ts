import { expect, test } from 'vitest';
import type { Pipeline } from '../support/pipeline.ts';
import { PROVIDERS, setupPipeline } from '../support/pipeline.ts';

async function askMany(pipeline: Pipeline, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const asked = Array.from({ length: Math.min(20, count - ids.length) }, (_, index) =>
      pipeline.request(PROVIDERS[index % PROVIDERS.length] ?? 'fashn'),
    );
    ids.push(...(await Promise.all(asked)));
  }
  return ids;
}

test('three hundred generations at once, and two worker processes: each is paid once and notified once', async () => {
  const pipeline = await setupPipeline();
  await pipeline.startWorkers();
  const ids = await askMany(pipeline, 300);
  const shown = await pipeline.untilSettled(ids, 60_000);
  const outcomes = shown.map(({ status, reason }) => reason?.code ?? status);
  expect(new Set(outcomes)).toEqual(new Set(['completed']));
  expect(pipeline.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
  for (const provider of PROVIDERS) {
    const { accepted, replays, refused } = pipeline.book(provider);
    expect(accepted).toHaveLength(150);
    expect(new Set(accepted.map(({ webhookUrl }) => webhookUrl)).size).toBe(150);
    expect([replays, refused]).toEqual([[], []]);
  }
  expect(await pipeline.failedJobs()).toBe(0);
  // Nothing is owed any more.
  for (const provider of PROVIDERS) {
    for (const schedule of [pipeline.keys.owed, pipeline.keys.checks]) {
      expect(await pipeline.redis.zcard(schedule(provider))).toBe(0);
    }
  }
}, 90_000);

test('where the webhook comes and is believed, hardly any generation is polled', async () => {
  // The providers' own poll timing.
  const pipeline = await setupPipeline({ env: { POLL_PROFILES: '{}', FASHN_TRUST: 'token' } });
  const ids = await askMany(pipeline, 200);
  await pipeline.untilSettled(ids, 60_000);
  const polls = PROVIDERS.flatMap((provider) => pipeline.book(provider).accepted).reduce(
    (sum, entry) => sum + entry.polls,
    0,
  );
  expect(polls / 200).toBeLessThanOrEqual(0.02);
  expect(pipeline.events).toHaveLength(200);
}, 90_000);
