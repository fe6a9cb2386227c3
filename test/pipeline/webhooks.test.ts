import { describe, expect, test } from 'vitest';
import { deliver, PROVIDERS, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const IMPATIENT = { webhookGraceMs: 200 };

describe.each(PROVIDERS)('%s', (provider) => {
  test('a generation whose webhook comes is completed at once and notified once, with all there is to say', async () => {
    const pipeline = await setupPipeline();
    const metadata = { order: 'A-17', nested: { list: [1, 2.5, null, 'ü'] } };
    const id = await pipeline.request(provider, { metadata });
    const [shown] = await pipeline.untilSettled([id]);

    const [entry] = pipeline.book(provider).accepted;
    expect(shown).toMatchObject({ status: 'completed', reason: null, metadata });
    // A signed body is believed. An unsigned one costs exactly one check.
    expect(shown?.via).toBe(provider === 'fitinview' ? 'webhook' : 'hint');
    expect(entry?.polls).toBe(provider === 'fitinview' ? 0 : 1);
    expect(entry?.webhookAttempts).toMatchObject([{ answeredStatus: 200 }]);

    expect(pipeline.eventsOf(id)).toHaveLength(1);
    const [event] = pipeline.eventsOf(id);
    expect(event).toMatchObject({
      id: id.replace('gen_', 'evt_'),
      type: 'generation.completed',
      timestamp: shown?.finishedAt,
      data: { tenant: 'acme', provider, outcome: 'completed', reason: null },
    });
    expect(event?.data.metadata).toStrictEqual(metadata);
    expect(event?.data.results).toStrictEqual(shown?.results);
    expect(event?.data.results).toMatchObject([
      { kind: 'file', url: expect.stringMatching(/png/) },
    ]);
    expect(event?.data.timings).toStrictEqual({
      createdAt: shown?.createdAt,
      submittedAt: shown?.submittedAt,
      finishedAt: shown?.finishedAt,
    });
    const times = Object.values(event?.data.timings ?? {}).map(String);
    expect(times).toStrictEqual([...times].sort());
  });

  test('a webhook that comes twice changes nothing the second time', async () => {
    const pipeline = await setupPipeline();
    const id = await pipeline.request(provider, { scenario: 'duplicate-webhook' });
    await pipeline.untilSettled([id]);
    await until('both deliveries are answered', () => {
      return pipeline.book(provider).accepted[0]?.webhookAttempts.length === 2;
    });
    await pipeline.untilSettled([id]);
    const answers = pipeline.book(provider).accepted[0]?.webhookAttempts;
    expect(answers?.map(({ answeredStatus }) => answeredStatus)).toEqual([200, 200]);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
    expect(await pipeline.failedJobs()).toBe(0);
  });

  test('a webhook that arrives before submit returns is applied once, and the late answer is harmless', async () => {
    const pipeline = await setupPipeline();
    const id = await pipeline.request(provider, { scenario: 'webhook-before-reply' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
    expect(pipeline.eventsOf(id)).toHaveLength(1);
    expect(pipeline.book(provider).accepted).toHaveLength(1);
    expect(await pipeline.get(id)).toStrictEqual(shown);
    expect(await pipeline.failedJobs()).toBe(0);
  });

  test('a webhook that comes after a poll has completed the generation is ignored', async () => {
    const pipeline = await setupPipeline({ patience: IMPATIENT });
    const id = await pipeline.request(provider, { scenario: 'late-webhook' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', via: 'poll' });
    await until('the late webhook is answered', () => {
      return pipeline.book(provider).accepted[0]?.webhookAttempts.length;
    });
    await pipeline.untilSettled([id]);
    expect(pipeline.book(provider).accepted[0]?.webhookAttempts[0]?.answeredStatus).toBe(200);
    expect(await pipeline.get(id)).toStrictEqual(shown);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('a live status that no document names does not end a generation', async () => {
    const pipeline = await setupPipeline({
      webhooks: false,
      simulator: { latencyMs: { min: 800, max: 800 } },
    });
    const id = await pipeline.request(provider, { scenario: 'unknown-status' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown?.status).toBe('completed');
    expect(shown?.polls).toBeGreaterThan(1);
    expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.completed' }]);
  });

  test('live deliveries, also backward and after the end, never move a generation back', async () => {
    const pipeline = await setupPipeline();
    const id = await pipeline.request(provider, { scenario: 'stuck' });
    await pipeline.untilShown(id, (shown) => shown.status === 'processing');
    const entry = await until('it is accepted', () => pipeline.book(provider).accepted[0]);
    await pipeline.untilShown(id, (shown) => shown.submittedAt !== null);

    const live = provider === 'fitinview' ? ['running', 'queued'] : ['processing', 'starting'];
    const say = (status: string, more = {}) =>
      deliver(provider, entry, { id: entry.taskId, status, ...more });
    for (const status of live) expect(await say(status)).toBe(200);
    await until('no job is left', async () => {
      const counts = await pipeline.queue('completions').getJobCounts('waiting', 'active');
      return counts['waiting'] === 0 && counts['active'] === 0;
    });
    expect(await pipeline.get(id)).toMatchObject({ status: 'processing', finishedAt: null });

    await pipeline.cancel(id);
    const [canceled] = await pipeline.untilSettled([id]);
    for (const status of live) expect(await say(status)).toBe(200);
    expect(await say('completed', { result_url: 'https://x.test/a.png', output: [] })).toBe(200);
    await pipeline.untilSettled([id]);
    // What is believed of it is noted beside the end, which stands.
    expect({ ...(await pipeline.get(id)), late: null }).toStrictEqual(canceled);
    expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.canceled' }]);
  });

  test('of two contradicting final deliveries the first decides', async () => {
    const pipeline = await setupPipeline({ env: { FASHN_TRUST: 'token' } });
    const id = await pipeline.request(provider, { scenario: 'stuck' });
    const entry = await until('it is accepted', () => pipeline.book(provider).accepted[0]);
    const task = { id: entry.taskId };
    const url = 'https://x.test/result.png';
    expect(
      await deliver(provider, entry, {
        ...task,
        status: 'completed',
        result_url: url,
        output: [url],
      }),
    ).toBe(200);
    expect(await deliver(provider, entry, { ...task, status: 'failed' })).toBe(200);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'completed', via: 'webhook', results: [{ url }] });
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });
});

test('a forged signature is answered 401 and the true outcome wins', async () => {
  const pipeline = await setupPipeline();
  const id = await pipeline.request('fitinview', { scenario: 'forged-signature' });
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'completed', via: 'webhook' });
  expect(pipeline.book('fitinview').accepted[0]?.webhookAttempts).toMatchObject([
    { kind: 'forged', answeredStatus: 401 },
    { kind: 'true', answeredStatus: 200 },
  ]);
  expect(pipeline.eventsOf(id)).toHaveLength(1);
});

test('an unsigned claim only asks for a check, and the true outcome wins', async () => {
  const pipeline = await setupPipeline({ simulator: { latencyMs: { min: 800, max: 800 } } });
  const id = await pipeline.request('fashn', { scenario: 'forged-signature' });
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'completed', via: 'hint' });
  const [entry] = pipeline.book('fashn').accepted;
  expect(entry?.webhookAttempts).toMatchObject([
    { kind: 'forged', answeredStatus: 200 },
    { kind: 'true', answeredStatus: 200 },
  ]);
  // One check for each claim: the false one found the task alive.
  expect(entry?.polls).toBeGreaterThanOrEqual(2);
  expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.completed' }]);
});

test('where the settings trust the URL token, an unsigned webhook needs no check', async () => {
  const pipeline = await setupPipeline({ env: { FASHN_TRUST: 'token' } });
  const id = await pipeline.request('fashn');
  const [shown] = await pipeline.untilSettled([id]);
  expect(shown).toMatchObject({ status: 'completed', via: 'webhook', polls: 0 });
  expect(pipeline.book('fashn').accepted[0]?.polls).toBe(0);
});
