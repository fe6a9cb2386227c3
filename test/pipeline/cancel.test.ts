import { createServer, type ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PROVIDERS, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** A FASHN that takes a submission and answers when the test says so. */
async function startSlowToAnswer() {
  const open: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    // What is left to spend is asked besides.
    if (request.url?.startsWith('/v1/credits')) response.writeHead(404).end();
    else open.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not on TCP');
  return {
    url: `http://127.0.0.1:${address.port}`,
    open,
    answer: (body: unknown) => {
      open[0]?.setHeader('content-type', 'application/json');
      open[0]?.end(JSON.stringify(body));
    },
  };
}

describe.each(PROVIDERS)('%s', (provider) => {
  test('what is canceled while it is queued is never sent', async () => {
    const pipeline = await setupPipeline({ workers: false });
    const others = { WORKER_ROLES: 'poll,completion,subscribers' };
    await pipeline.startWorkers(others);
    const id = await pipeline.request(provider);
    expect(await pipeline.cancel(id)).toBe(202);
    const shown = await pipeline.untilFinal(id);
    expect(shown).toMatchObject({ status: 'canceled', reason: { code: 'canceled_by_app' } });

    await pipeline.startWorkers();
    const next = await pipeline.request(provider);
    await pipeline.untilSettled([next]);
    expect(pipeline.book(provider).accepted).toHaveLength(1);
    expect(await pipeline.get(id)).toStrictEqual(shown);
    expect(pipeline.eventsOf(id)).toMatchObject([{ type: 'generation.canceled' }]);
  });

  test('what is canceled after it was sent stays canceled when its webhook comes', async () => {
    const pipeline = await setupPipeline({ simulator: { latencyMs: { min: 600, max: 600 } } });
    const id = await pipeline.request(provider);
    await pipeline.untilShown(id, ({ submittedAt }) => submittedAt !== null);
    expect(await pipeline.cancel(id)).toBe(202);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'canceled', via: 'cancel' });
    await until('the webhook is answered', () => {
      return pipeline.book(provider).accepted[0]?.webhookAttempts.length;
    });
    await pipeline.untilSettled([id]);
    expect(pipeline.book(provider).accepted[0]?.webhookAttempts[0]?.answeredStatus).toBe(200);
    // A delivery that is believed is noted, and nobody is told of it.
    const { late, ...rest } = await pipeline.get(id);
    expect({ ...rest, late: null }).toStrictEqual(shown);
    expect(late?.outcome).toBe(provider === 'fitinview' ? 'completed' : undefined);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
    expect(await pipeline.redis.zscore(pipeline.keys.owed(provider), id)).toBeNull();
  });

  test('canceling twice, and after the end, changes nothing', async () => {
    const pipeline = await setupPipeline();
    const id = await pipeline.request(provider, { scenario: 'stuck' });
    await pipeline.untilShown(id, ({ submittedAt }) => submittedAt !== null);
    expect(await Promise.all([pipeline.cancel(id), pipeline.cancel(id)])).toEqual([202, 202]);
    const [shown] = await pipeline.untilSettled([id]);
    expect(await pipeline.cancel(id)).toBe(200);
    await pipeline.catwalk.cancelGeneration(id);
    await pipeline.untilSettled([id]);
    expect(await pipeline.get(id)).toStrictEqual(shown);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });
});

describe('what is canceled while its submission is in flight', () => {
  test('ends as canceled when the provider accepts, and is not polled', async () => {
    const slow = await startSlowToAnswer();
    const pipeline = await setupPipeline({ env: { FASHN_BASE_URL: slow.url } });
    const id = await pipeline.request('fashn');
    await until('the submission is in flight', () => slow.open.length);
    expect(await pipeline.cancel(id)).toBe(202);
    const pending = await pipeline.untilShown(id, ({ cancelRequested }) => cancelRequested);
    expect(pending).toMatchObject({ status: 'processing', finishedAt: null });
    slow.answer({ id: 'task-1' });
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'canceled', via: 'cancel' });
    expect(slow.open).toHaveLength(1);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });

  test('ends as canceled when the answer never comes', async () => {
    const slow = await startSlowToAnswer();
    const pipeline = await setupPipeline({
      env: { FASHN_BASE_URL: slow.url, SUBMIT_TIMEOUT_MS: '700' },
    });
    const id = await pipeline.request('fashn');
    await until('the submission is in flight', () => slow.open.length);
    await pipeline.cancel(id);
    const [shown] = await pipeline.untilSettled([id]);
    expect(shown).toMatchObject({ status: 'canceled', via: 'cancel' });
    expect(slow.open).toHaveLength(1);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  });
});
