import { expect, onTestFinished, test } from 'vitest';
import { memoryUse } from '../../src/store/memory-brake.ts';
import { setupOnOwnRedis } from '../support/own-redis.ts';
import { type Shown, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const MB = 1024 ** 2;

test('a Redis that is nearly full refuses what is new, and everything accepted ends and is told', async () => {
  const { own, pipeline } = await setupOnOwnRedis(onTestFinished, {
    workers: false,
    env: { FITINVIEW_SUBMITS_PER_MINUTE: '1000000' },
  });
  await own.admin.config('SET', 'maxmemory', String(8 * MB));
  const { redis, keys } = pipeline;
  const body = pipeline.bodyOf('fitinview');

  // Nobody works: each that is accepted still needs all its room.
  const accepted = new Map<string, string>();
  const refused = await until('one is refused', async () => {
    const keysOfSome = Array.from({ length: 20 }, (_, i) => `order-${accepted.size + i}`);
    const answers = await Promise.all(keysOfSome.map((key) => pipeline.post(body, key)));
    for (const [i, answer] of answers.entries()) {
      if (answer.status !== 202) return answer;
      accepted.set(keysOfSome[i] ?? '', ((await answer.json()) as Shown).id); // our own API's answer
    }
    return undefined;
  });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBe(15);
  expect(await refused.json()).toMatchObject({ code: 'redis_memory_full' });
  expect(accepted.size).toBeGreaterThan(100);

  // Nothing of it is stored, the library is refused too, and a repeat is answered.
  const records = async () => (await redis.keys(`${keys.records}*`)).length;
  const stored = await records();
  expect((await pipeline.post(body, 'one more')).status).toBe(503);
  await expect(
    pipeline.catwalk.requestGeneration({ ...body, tenant: 'acme' }),
  ).rejects.toMatchObject({ code: 'redis_memory_full' });
  expect(await records()).toBe(stored);
  const [[key, id] = ['', '']] = accepted;
  const repeat = await pipeline.post(body, key);
  expect([repeat.status, ((await repeat.json()) as Shown).id]).toEqual([200, id]);

  // Webhooks, rounds, completions and subscribers all find their room.
  await pipeline.startWorkers();
  const shown = await pipeline.untilSettled([...accepted.values()], 120_000);
  expect(new Set(shown.map(({ status }) => status))).toEqual(new Set(['completed']));
  expect(JSON.stringify(pipeline.lines)).not.toContain('OOM');
  const { usedBytes, maxBytes } = await memoryUse(redis, keys, []);
  expect(usedBytes).toBeLessThan(maxBytes);
}, 180_000);

test('records may be kept for minutes: the idempotency key still answers, and nothing is begun anew', async () => {
  const pipeline = await setupPipeline({ env: { RETENTION_MS: '300000' } });
  const { redis, keys } = pipeline;
  const body = pipeline.bodyOf('fitinview');
  const { id } = (await (await pipeline.post(body, 'order-1')).json()) as Shown; // our own API's answer
  await pipeline.untilSettled([id]);
  const left = await until('it has an end', async () => {
    const ms = await redis.pttl(keys.record(id));
    return ms > 0 ? ms : undefined;
  });
  expect(left).toBeLessThanOrEqual(300_000);
  expect(await redis.zscore(keys.owed('fitinview'), id)).toBeNull();
  const [entry = ''] = await redis.keys(`${keys.prefix}:once:*`);
  expect(await redis.pttl(entry)).toBeGreaterThan(23 * 3_600_000);

  await redis.del(keys.record(id));
  expect((await pipeline.call('GET', `/v1/generations/${id}`)).status).toBe(404);
  const repeat = await pipeline.post(body, 'order-1');
  expect(repeat.status).toBe(410);
  expect(await repeat.json()).toMatchObject({ code: 'generation_no_longer_kept' });
  expect(pipeline.book('fitinview').accepted).toHaveLength(1);
});
