import { describe, expect, test } from 'vitest';
import { OUT_OF_MEMORY } from '../../rig/redis/redis-faults.ts';
import { queueNames } from '../../src/config/queues.ts';
import { setupOnOwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { setupProcesses } from '../support/processes.ts';
import { startSlowWay } from '../support/slow-way.ts';
import { until } from '../support/until.ts';

const COUNT = 24;
const AWAY_MS = 60_000;

/** Most of it is waiting. */
describe.concurrent('for long', () => {
  test('Redis is gone: 503 meanwhile, nothing is restarted, and the same processes finish everything', async ({
    onTestFinished,
  }) => {
    const own = await startOwnRedis();
    const ends: (() => Promise<void>)[] = [];
    onTestFinished(async () => {
      await own.cure();
      for (const end of ends) await end();
      await own.stop();
    });
    const stack = await setupProcesses({
      onFinished: (end) => ends.push(end),
      redisUrl: own.url,
      latencyMs: { min: 500, max: 4_000 },
      patience: { webhookGraceMs: 2_000, giveUpAfterMs: 600_000 },
      env: { SUBMIT_TIMEOUT_MS: '30000', UNCONFIRMED_GRACE_MS: '60000' },
    });
    const worker = await stack.startWorker();
    const ids = await stack.requestMany(COUNT);
    await until('results come in', () => stack.events.length >= 5);

    await own.kill();
    const killedAt = performance.now();
    expect(stack.events.length).toBeLessThan(COUNT);
    const status = async (url: string): Promise<number> => (await fetch(url)).status;
    const body = stack.bodyOf('fitinview');
    let nextLookAt = killedAt;
    await until(
      'a minute has passed',
      async () => {
        // Once a second, to leave the machine to the tests beside this one.
        if (performance.now() < nextLookAt) return false;
        nextLookAt = performance.now() + 1_000;
        const refused = await stack.post(body, 'asked-while-away');
        expect(refused.status).toBe(503);
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await status(`${stack.url}/livez`)).toBe(200);
        expect(await status(`${stack.url}/readyz`)).toBe(503);
        expect(await status(`${worker.health}/livez`)).toBe(200);
        expect(await status(`${worker.health}/readyz`)).toBe(503);
        return performance.now() - killedAt > AWAY_MS;
      },
      2 * AWAY_MS,
    );
    await own.start();

    const accepted = await until('the same again is accepted', async () => {
      const response = await stack.post(body, 'asked-while-away');
      return response.status === 202 ? response : undefined;
    });
    ids.push(((await accepted.json()) as { id: string }).id); // our own API's answer
    await stack.untilTold(COUNT + 1, 90_000);
    expect(stack.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
    const outcomes = stack.events.map(({ data }) => data.reason?.code ?? data.outcome);
    expect(new Set(outcomes)).toEqual(new Set(['completed']));
    expect(stack.payments()).toEqual({ paid: COUNT + 1, paidTwice: 0 });
    for (const url of [stack.url, worker.health]) expect(await status(`${url}/readyz`)).toBe(200);
    const failed = `${stack.keys.prefix}:${queueNames.completions}:failed`;
    expect(await own.admin.zcard(failed)).toBe(0);
  }, 240_000);

  test('Redis has no memory when a paid answer comes: it is saved all the same, and not paid for again', async ({
    onTestFinished,
  }) => {
    const way = await startSlowWay();
    const { own, pipeline } = await setupOnOwnRedis(onTestFinished, {
      patience: { giveUpAfterMs: 600_000 },
      webhooks: false,
      env: { SUBMIT_TIMEOUT_MS: '60000', FASHN_BASE_URL: `${way.url}/fashn` },
    });
    onTestFinished(way.close);
    way.leadTo(pipeline.simulator.url);
    const id = await pipeline.request('fashn');
    await until('it is paid', () => pipeline.book('fashn').accepted.length === 1);
    const end = await OUT_OF_MEMORY.begin(own);
    way.letAnswersThrough();
    // What was accepted goes on: its record is there already, and grows by a line.
    await until('it is saved', async () => (await pipeline.store.load(id))?.state === 'submitted');
    await end();
    const [shown] = await pipeline.untilSettled([id], 60_000);
    expect(shown?.status).toBe('completed');
    expect(pipeline.book('fashn').accepted).toHaveLength(1);
    expect(pipeline.eventsOf(id)).toHaveLength(1);
  }, 240_000);
});
