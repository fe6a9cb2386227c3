import { expect, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { createFashn } from '../../src/providers/fashn/adapter.ts';
import { createFitInView } from '../../src/providers/fitinview/adapter.ts';
import type { ProviderLimits } from '../../src/providers/provider.ts';
import type { ProviderFactory } from '../../src/providers/provider-settings.ts';
import { API_KEY, FITINVIEW_SECRET, type Pipeline, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** As documented by nobody: tests must not take a minute for a minute's limit. */
const documented = (submits: ProviderLimits['submits']): ProviderLimits => ({
  submits,
  concurrency: 40,
  pollsPerSecond: 500,
});

const builtWith = (limits: ProviderLimits): ReadonlyMap<string, ProviderFactory> =>
  new Map<string, ProviderFactory>([
    ['fashn', (options) => ({ ...createFashn(options), limits })],
    ['fitinview', (options) => ({ ...createFitInView(options), limits })],
  ]);

const many = (pipeline: Pipeline, count: number, provider: 'fashn' | 'fitinview' = 'fashn') =>
  Promise.all(Array.from({ length: count }, () => pipeline.request(provider)));

async function shown(pipeline: Pipeline, provider: string) {
  const headers = { authorization: `Bearer ${API_KEY}` };
  const response = await fetch(`${pipeline.web.url}/v1/providers`, { headers });
  const { providers } = (await response.json()) as { providers: Record<string, unknown>[] }; // our own API's answer
  return providers.find((one) => one['provider'] === provider);
}

test('a limit lower than the documented one is found, shared by the fleet, kept to and shown', async () => {
  const [windowMs, truth] = [2_000, 4];
  const pipeline = await setupPipeline({
    factories: builtWith(documented({ max: 40, perMs: windowMs })),
    simulator: { providers: { fashn: { submitsPerMinute: truth, rateWindowMs: windowMs } } },
  });
  await pipeline.startWorkers();
  const ids = await many(pipeline, 30);
  await pipeline.untilSettled(ids, 90_000);
  const { accepted, refused } = pipeline.book('fashn');
  expect(accepted).toHaveLength(30);
  const reasons = new Set(refused.map(({ reason }) => reason));
  expect(reasons).toEqual(new Set(['rate-limited']));
  const half = accepted[15]?.acceptedAtMs ?? 0;
  const late = refused.filter(({ atMs }) => atMs > half);
  expect(late.length).toBeLessThanOrEqual(4);
  expect(await shown(pipeline, 'fashn')).toMatchObject({
    limits: { submits: { max: 40 }, found: { submits: expect.any(Number) } },
  });
  const { limits } = (await shown(pipeline, 'fashn')) as { limits: { found: { submits: number } } };
  expect(limits.found.submits).toBeLessThanOrEqual(20);
}, 120_000);

test('a provider’s word that nothing is left is heeded before it refuses, and shown', async () => {
  const fitinview = { secret: FITINVIEW_SECRET, submitsPerMinute: 5, rateWindowMs: 3_000 };
  const pipeline = await setupPipeline({
    factories: builtWith({ ...documented({ max: 60, perMs: 60_000 }), concurrency: 1 }),
    simulator: { providers: { fitinview } },
  });
  const ids = await many(pipeline, 12, 'fitinview');
  await pipeline.untilSettled(ids, 40_000);
  const { accepted, refused } = pipeline.book('fitinview');
  expect(accepted).toHaveLength(12);
  expect(refused).toEqual([]);
  await until('the fleet knows', () => pipeline.redis.exists(pipeline.keys.quota('fitinview')));
  const known = await until('it is shown', async () => {
    const limits = (await shown(pipeline, 'fitinview'))?.['limits'];
    return limits && typeof limits === 'object' && 'stated' in limits && limits.stated && limits;
  });
  expect(known).toMatchObject({
    submits: { max: 60 },
    stated: { limit: 5, remaining: expect.any(Number), resetAt: expect.any(String) },
  });
}, 60_000);

test('submissions are held before the credit runs out, somebody is told, and they go on when it is topped up', async () => {
  const pipeline = await setupPipeline({
    env: {
      ...{ FASHN_CREDITS_ALARM: '15', FASHN_CREDITS_FLOOR: '5', FASHN_CONCURRENCY: '1' },
      BOARD_PASSWORD: 'password-of-the-board',
    },
    simulator: { providers: { fashn: { credits: 4 } } },
  });
  await until('its account was read', () => pipeline.redis.exists(pipeline.keys.quota('fashn')));
  const alarms = () => pipeline.lines.filter(({ msg }) => msg.startsWith('alarm'));
  await until('somebody was told', () => alarms().length > 0);
  const ids = await many(pipeline, 3);
  await until('one says why it waits', async () => {
    const holds = (await Promise.all(ids.map(pipeline.get))).map(({ hold }) => hold?.reason);
    return holds.includes('out_of_credit');
  });
  expect(pipeline.book('fashn')).toMatchObject({ accepted: [], refused: [] });
  expect(alarms()).toMatchObject([{ level: 50, provider: 'fashn', credits: 4 }]);
  const authorization = `Basic ${btoa('operator:password-of-the-board')}`;
  const answer = await fetch(`${pipeline.web.url}/admin/providers`, { headers: { authorization } });
  expect(await answer.json()).toMatchObject({
    providers: expect.arrayContaining([
      expect.objectContaining({
        provider: 'fashn',
        credit: expect.objectContaining({ left: 4, standing: 'out' }),
      }),
    ]),
  });

  pipeline.simulator.setCredits('fashn', 1_000);
  const told = await pipeline.untilSettled(ids, 60_000);
  expect(told.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
  expect(pipeline.book('fashn').refused).toEqual([]);
  expect(await pipeline.queue(queueNames.submit('fashn')).getFailedCount()).toBe(0);
}, 90_000);
