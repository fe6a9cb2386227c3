import { expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { setupOnOwnRedis } from '../support/own-redis.ts';
import { askPatiently, untilRescued } from '../support/patient-app.ts';
import { type Pipeline, PROVIDERS } from '../support/pipeline.ts';
import { startSlowWay } from '../support/slow-way.ts';
import { until } from '../support/until.ts';

const COUNT = 40;
const AWAY_MS = 1_000;

async function statesOf(pipeline: Pipeline, ids: readonly string[]): Promise<Set<string>> {
  const records = await pipeline.store.loadAll(ids);
  return new Set(records.flatMap((record) => (record && 'state' in record ? record.state : [])));
}

test('Redis is killed for a second with work in every state: the same processes finish all of it', async () => {
  const way = await startSlowWay();
  const { own, pipeline } = await setupOnOwnRedis(onTestFinished, {
    simulator: { latencyMs: { min: 200, max: 4_000 } },
    patience: { webhookGraceMs: 1_500, giveUpAfterMs: 600_000 },
    // So few at a time that the others wait for their turn.
    env: {
      FASHN_CONCURRENCY: '2',
      FASHN_BASE_URL: `${way.url}/fashn`,
      // An intent whose reply was lost is taken up after this, and a webhook has time to adopt.
      SUBMIT_TIMEOUT_MS: '20000',
      UNCONFIRMED_GRACE_MS: '30000',
    },
  });
  onTestFinished(way.close);
  way.leadTo(pipeline.simulator.url);
  const ids = await Promise.all(
    Array.from({ length: COUNT }, (_, index) => askPatiently(pipeline, index)),
  );
  const isThere = async () => {
    const states = await statesOf(pipeline, ids);
    return ['queued', 'submitting', 'submitted', 'completed'].every((state) => states.has(state));
  };
  await until('there is work in every state', isThere, 60_000);

  await own.kill();
  const killedAt = performance.now();
  const key = 'asked-while-away';
  const body = pipeline.bodyOf('fitinview');
  await until('a second has passed', async () => {
    const refused = await pipeline.post(body, key);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    return performance.now() - killedAt > AWAY_MS;
  });
  // What is paid for is answered while Redis is away, too.
  way.letAnswersThrough();
  await own.start();

  const accepted = await until('the same again is accepted', async () => {
    const response = await pipeline.post(body, key);
    return response.status === 202 ? response : undefined;
  });
  ids.push(((await accepted.json()) as { id: string }).id); // our own API's answer
  const shown = await untilRescued(pipeline, ids);
  expect(shown.map(({ reason, status }) => reason?.code ?? status)).toEqual(
    ids.map(() => 'completed'),
  );
  expect(pipeline.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
  const paid = PROVIDERS.map((provider) => pipeline.book(provider).accepted.length);
  expect(paid).toEqual([COUNT / 2 + 1, COUNT / 2]);
  expect(await pipeline.queue(queueNames.completions).getFailedCount()).toBe(0);
}, 240_000);
