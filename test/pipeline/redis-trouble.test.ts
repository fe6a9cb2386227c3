import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { askPatiently, untilRescued } from '../support/patient-app.ts';
import { type Pipeline, PROVIDERS, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** So that a jump of the clock does not make us give up. */
const PATIENT = { giveUpAfterMs: 600_000 };

/** A Redis of its own, because what is done to it must hurt nobody else. */
async function setup(): Promise<{ own: EmbeddedRedis; admin: Redis; pipeline: Pipeline }> {
  const own = await startEmbeddedRedis({ log: () => undefined });
  const pipeline = await setupPipeline({ redisUrl: own.url, patience: PATIENT });
  const admin = new Redis(own.url.replace('unix://', ''));
  onTestFinished(async () => {
    await pipeline.close();
    admin.disconnect();
    await own.stop();
  });
  return { own, admin, pipeline };
}

test('every connection is cut, again and again: nothing is lost, paid twice or notified twice', async () => {
  const { admin, pipeline } = await setup();
  const asked = Array.from({ length: 30 }, (_, index) => askPatiently(pipeline, index));
  for (let cut = 0; cut < 5; cut++) {
    const done = pipeline.events.length;
    await until('something has happened', () => pipeline.events.length > done, 2_000).catch(
      () => undefined,
    );
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  }
  const ids = await Promise.all(asked);
  const shown = await untilRescued(pipeline, ids);
  const outcomes = shown.map(({ status, reason }) => reason?.code ?? status);
  expect(new Set(outcomes)).toEqual(new Set(['completed']));
  expect(new Set(ids).size).toBe(30);
  expect(pipeline.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
  for (const provider of PROVIDERS) expect(pipeline.book(provider).accepted).toHaveLength(15);
}, 150_000);

test('Redis stands still for two seconds: requests wait or are refused, and everything completes', async () => {
  const { admin, pipeline } = await setup();
  const before = await Promise.all([0, 1, 2, 3].map((index) => askPatiently(pipeline, index)));
  await admin.client('PAUSE', 2_000, 'ALL');
  const during = await Promise.all([4, 5, 6, 7].map((index) => askPatiently(pipeline, index)));
  const ids = [...before, ...during];
  const shown = await untilRescued(pipeline, ids);
  expect(shown.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
  expect(pipeline.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
  for (const provider of PROVIDERS) expect(pipeline.book(provider).accepted).toHaveLength(4);
}, 150_000);
