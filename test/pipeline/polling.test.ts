import { describe, expect, test } from 'vitest';
import { PROVIDERS, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

describe.each(PROVIDERS)('%s', (provider) => {
  test('without a public URL the provider is given none, and polling completes the generation', async () => {
    const pipeline = await setupPipeline({ webhooks: false });
    const id = await pipeline.request(provider);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', via: 'poll' });
    expect(pipeline.book(provider).accepted).toMatchObject([{ webhookUrl: null }]);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('a generation whose webhook never comes is rescued by a poll after the grace', async () => {
    const pipeline = await setupPipeline({ patience: { webhookGraceMs: 500 } });
    const id = await pipeline.request(provider, { scenario: 'no-webhook' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', via: 'poll', polls: 1 });
    const { accepted } = pipeline.book(provider);
    expect(accepted).toMatchObject([{ webhookUrl: expect.any(String), webhookAttempts: [] }]);
    const waitedMs = Date.parse(shown?.finishedAt ?? '') - Date.parse(shown?.submittedAt ?? '');
    // The grace less its jitter.
    expect(waitedMs).toBeGreaterThanOrEqual(450);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('a stuck task is given up after one last check, and its end is notified once', async () => {
    const pipeline = await setupPipeline({ webhooks: false, patience: { giveUpAfterMs: 1_000 } });
    const id = await pipeline.request(provider, { scenario: 'stuck' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'timed_out', reason: { code: 'gave_up' } });
    const submittedAt = Date.parse(shown?.submittedAt ?? '');
    expect(Date.parse(shown?.finishedAt ?? '') - submittedAt).toBeGreaterThanOrEqual(1_000);
    const [entry] = pipeline.book(provider).accepted;
    expect(entry?.polls).toBe(shown?.polls);
    expect(entry?.polls).toBeGreaterThanOrEqual(3);
    expect(pipeline.eventsOf(id)).toMatchObject([
      { type: 'generation.timed_out', data: { outcome: 'timed_out', results: [] } },
    ]);
  });

  test('a stuck task whose provider promised a webhook is given up all the same', async () => {
    const pipeline = await setupPipeline({
      patience: { webhookGraceMs: 20_000, giveUpAfterMs: 1_000 },
    });
    const id = await pipeline.request(provider, { scenario: 'stuck' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'timed_out', reason: { code: 'gave_up' } });
    expect(pipeline.book(provider).accepted[0]?.polls).toBeGreaterThanOrEqual(1);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('the number of polls may end the patience as well', async () => {
    const pipeline = await setupPipeline({ webhooks: false, patience: { maxPolls: 3 } });
    const id = await pipeline.request(provider, { scenario: 'stuck' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'timed_out', polls: 3 });
    expect(pipeline.book(provider).accepted[0]?.polls).toBe(3);
  });

  test('the poll budget holds for two worker processes together', async () => {
    const pollsPerSecond = 10;
    const pipeline = await setupPipeline({
      webhooks: false,
      env: { [`${provider.toUpperCase()}_POLLS_PER_SECOND`]: String(pollsPerSecond) },
    });
    await pipeline.startWorkers();
    const startedAt = Date.now();
    const asked = Array.from({ length: 30 }, () => pipeline.request(provider, { scenario: 'ok' }));
    const ids = await Promise.all(asked);
    const polls = (): number =>
      pipeline.book(provider).accepted.reduce((sum, entry) => sum + entry.polls, 0);

    await until('all have been polled', () => {
      // A full bucket at the start, and then so many a second.
      const allowed = pollsPerSecond + (pollsPerSecond * (Date.now() - startedAt)) / 1_000;
      expect(polls()).toBeLessThanOrEqual(allowed + 1);
      return polls() >= 30;
    });
    // 10 at once and 20 more: two seconds, if both processes share one budget.
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_900);
    const shown = await pipeline.untilSettled(ids);
    expect(shown.every(({ status }) => status === 'completed')).toBe(true);
    expect(pipeline.events).toHaveLength(30);
  });
});

test('a poll that fails is not a generation that failed', async () => {
  const pipeline = await setupPipeline({ webhooks: false });
  const id = await pipeline.request('fitinview', { scenario: 'server-errors' });
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown?.status).toBe('completed');
  const [entry] = pipeline.book('fitinview').accepted;
  // Two were answered 500.
  expect(entry?.polls).toBe((shown?.polls ?? 0) + 2);
  expect(pipeline.eventsOf(id)).toHaveLength(1);
});
