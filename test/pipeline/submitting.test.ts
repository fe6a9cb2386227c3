import { describe, expect, test } from 'vitest';
import { PROVIDERS, setupPipeline } from '../support/pipeline.ts';

const POLLED = { webhooks: false } as const;

describe('an answer that was lost', () => {
  test('fitinview: is asked for again with the same key, and the work is paid once', async () => {
    const pipeline = await setupPipeline(POLLED);
    const id = await pipeline.request('fitinview', { scenario: 'lost-reply' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
    const book = pipeline.book('fitinview');
    expect(book.accepted).toMatchObject([{ idempotencyKey: `${id}-1`, replays: 1 }]);
    expect(book.replays).toMatchObject([{ idempotencyKey: `${id}-1` }]);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
    expect(await pipeline.failedJobs()).toBe(0);
  });

  test.each(PROVIDERS)(
    '%s: a webhook adopts the task, and nothing is sent again',
    async (provider) => {
      const pipeline = await setupPipeline();
      const id = await pipeline.request(provider, { scenario: 'lost-reply' });
      const [shown] = await pipeline.untilSettled([id]);
      expect(shown?.status).toBe('completed');
      const { accepted, refused } = pipeline.book(provider);
      expect(accepted).toHaveLength(1);
      expect(refused).toHaveLength(0);
      expect(pipeline.eventsOf(id)).toHaveLength(1);
    },
  );

  test('fashn: with no webhook either, fails as outcome_unknown after the grace and is never sent again', async () => {
    const pipeline = await setupPipeline(POLLED);
    const id = await pipeline.request('fashn', { scenario: 'lost-reply' });
    const lost = await pipeline.untilShown(id, ({ unconfirmed }) => unconfirmed !== null);
    const { since = '', nextStepAt = '' } = lost.unconfirmed ?? {};
    expect(lost).toMatchObject({ status: 'processing' });
    expect(Date.parse(nextStepAt) - Date.parse(since)).toBe(1_000);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({
      status: 'failed',
      via: 'policy',
      reason: { code: 'outcome_unknown' },
      unconfirmed: null,
    });
    const graceMs = Date.parse(shown?.finishedAt ?? '') - Date.parse(shown?.createdAt ?? '');
    expect(graceMs).toBeGreaterThanOrEqual(1_000);
    expect(pipeline.book('fashn').accepted).toHaveLength(1);
    expect(pipeline.book('fashn').refused).toHaveLength(0);
    expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.failed' }]);
    const finished = pipeline.lines.filter(({ msg }) => msg === 'generation finished');
    expect(finished).toMatchObject([{ generation: id, reason: 'outcome_unknown' }]);
  });

  test('fashn: is paid a second time only where the settings say so', async () => {
    const pipeline = await setupPipeline({
      ...POLLED,
      env: { FASHN_ON_UNKNOWN_OUTCOME: 'resubmit' },
    });
    const id = await pipeline.request('fashn', { scenario: 'lost-reply' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
    const { accepted } = pipeline.book('fashn');
    expect(accepted).toHaveLength(2);
    expect(await pipeline.store.load(id)).toMatchObject({
      attempt: 2,
      sends: 2,
      task: { id: accepted[1]?.taskId },
    });
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });
});

describe('"not now"', () => {
  test.each([
    ['fitinview', 'rate-limited', 'rate_limited', 1_000],
    ['fashn', 'rate-limited', 'rate_limited', 1_000],
    ['fitinview', 'concurrency-limited', 'rate_limited', 1_000],
    // FASHN does not say how long; two seconds less jitter.
    ['fashn', 'concurrency-limited', 'concurrency_limited', 1_800],
  ] as const)(
    '%s: %s is waited out, and spends no attempt of the job',
    async (provider, scenario, reason, waitMs) => {
      const pipeline = await setupPipeline();
      const id = await pipeline.request(provider, { scenario });
      const held = await pipeline.untilShown(id, ({ hold }) => hold !== null);
      expect(held).toMatchObject({ status: 'queued', hold: { reason } });
      const [shown] = await pipeline.untilSettled([id]);
      expect(shown).toMatchObject({ status: 'completed', hold: null });

      const { accepted, refused } = pipeline.book(provider);
      expect(refused).toMatchObject([{ reason: scenario, httpStatus: 429 }]);
      expect(accepted).toHaveLength(1);
      const waitedMs = (accepted[0]?.acceptedAtMs ?? 0) - (refused[0]?.atMs ?? 0);
      expect(waitedMs).toBeGreaterThanOrEqual(waitMs);
      expect(waitedMs).toBeLessThan(waitMs + 3_000);
      expect(await pipeline.failedJobs()).toBe(0);
      expect(pipeline.lines.filter(({ msg }) => /^job (failed|given up)$/.test(msg))).toEqual([]);
      expect(pipeline.eventsOf(id)).toHaveLength(1);
    },
  );

  test.each([
    ['fitinview', 'fashn'],
    ['fashn', 'fitinview'],
  ] as const)(
    '%s: out of credit for one request holds that request alone',
    async (empty, other) => {
      const pipeline = await setupPipeline();
      const broke = await pipeline.request(empty, { scenario: 'out-of-credit' });
      const held = await pipeline.untilShown(broke, ({ hold }) => hold !== null);
      expect(held).toMatchObject({ status: 'queued', hold: { reason: 'out_of_credit' } });
      const holdMs = Date.parse(held.hold?.until ?? '') - Date.now();
      expect(holdMs).toBeGreaterThan(60_000);

      // Of the same model, of which that one was dear.
      const behind = await pipeline.request(empty);
      const flowing = await pipeline.request(other);
      expect(await pipeline.untilFinal(behind)).toMatchObject({ status: 'completed' });
      expect(await pipeline.untilFinal(flowing)).toMatchObject({ status: 'completed' });
      expect(await pipeline.get(broke)).toMatchObject({ status: 'queued', hold: held.hold });
      expect(pipeline.book(empty).refused).toHaveLength(1);
      expect(await pipeline.failedJobs()).toBe(0);
      const somebody = { level: 50, code: 'out_of_credit', generation: broke };
      expect(pipeline.lines).toContainEqual(expect.objectContaining(somebody));
      await pipeline.cancel(broke);
      expect(await pipeline.untilFinal(broke)).toMatchObject({ status: 'canceled' });
    },
  );
});

describe('a server error', () => {
  test.each(['server-errors', 'html-error'] as const)(
    'fitinview: %s: is followed by the same key until one is accepted',
    async (scenario) => {
      const pipeline = await setupPipeline(POLLED);
      const id = await pipeline.request('fitinview', { scenario });
      const [shown] = await pipeline.untilSettled([id]);
      expect(shown?.status).toBe('completed');
      const { accepted, refused } = pipeline.book('fitinview');
      expect(accepted).toHaveLength(1);
      const keys = [...accepted, ...refused].map(({ idempotencyKey }) => idempotencyKey);
      expect(new Set(keys)).toEqual(new Set([`${id}-1`]));
      expect(refused).toHaveLength(scenario === 'html-error' ? 1 : 2);
      expect(await pipeline.failedJobs()).toBe(0);
    },
  );

  test('fashn: server-errors: are refusals by its own word, so it is sent again and paid once', async () => {
    const pipeline = await setupPipeline(POLLED);
    const id = await pipeline.request('fashn', { scenario: 'server-errors' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
    const { accepted, refused } = pipeline.book('fashn');
    expect(accepted).toHaveLength(1);
    expect(refused).toHaveLength(2);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('fashn: html-error: may hide an acceptance, so it is never sent again', async () => {
    const pipeline = await setupPipeline();
    const id = await pipeline.request('fashn', { scenario: 'html-error' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'failed', reason: { code: 'outcome_unknown' } });
    const { accepted, refused } = pipeline.book('fashn');
    expect(accepted).toHaveLength(0);
    expect(refused).toHaveLength(1);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });
});

test.each([
  ['fashn', 'content_policy'],
  // It documents no codes: the words tell.
  ['fitinview', 'content_policy'],
] as const)('%s: what moderation refuses fails as %s, notified once', async (provider, code) => {
  const pipeline = await setupPipeline();
  const id = await pipeline.request(provider, { scenario: 'moderation' });
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'failed', reason: { code }, results: [] });
  expect(pipeline.eventsOf(id)).toMatchObject([
    { type: 'generation.failed', data: { outcome: 'failed', results: [], reason: shown?.reason } },
  ]);
  expect(pipeline.book(provider).accepted).toHaveLength(1);
});

test('an image the provider cannot load fails the generation, and is not paid for again', async () => {
  const pipeline = await setupPipeline();
  const body = pipeline.bodyOf('fashn');
  body.input.garmentImages = [`${pipeline.simulator.url}/assets/no-such.png`];
  const { generation } = await pipeline.catwalk.requestGeneration({ ...body, tenant: 'acme' });
  const [shown] = await pipeline.untilSettled([generation.id]);
  expect(shown).toMatchObject({ status: 'failed', reason: { code: 'image_unreadable' } });
  expect(pipeline.book('fashn').accepted).toHaveLength(1);
});
