import { expect, onTestFinished, test } from 'vitest';
import { contentsOf, QUEUE_META } from '../support/contents.ts';
import { setupOnOwnRedis } from '../support/own-redis.ts';
import { type Shown, sendDelivery } from '../support/pipeline.ts';
import { REDIS_FAULTS } from '../support/redis-faults.ts';
import { until } from '../support/until.ts';
import { expectTryLater } from './setup.ts';

test.each(REDIS_FAULTS)(
  'a Redis that answers $says: 503 with Retry-After, nothing half-written, and the same again works afterwards',
  async (fault) => {
    const { own, pipeline } = await setupOnOwnRedis(onTestFinished, {
      workers: false,
      // It would refuse before Redis does: test/pipeline/memory.test.ts.
      env: { MEMORY_BRAKE: '0' },
    });
    const worker = await pipeline.startWorkers();
    // One that a webhook can be delivered for.
    const waiting = await pipeline.request('fitinview', { scenario: 'stuck' });
    await pipeline.untilShown(waiting, ({ submittedAt }) => submittedAt !== null);
    await worker.stop();
    const [entry] = pipeline.book('fitinview').accepted;
    if (!entry) throw new Error('nothing was submitted');
    const message = {
      id: entry.taskId,
      status: 'completed',
      result_url: 'https://x.test/result.png',
    };
    const body = pipeline.bodyOf('fashn');
    const each: Record<string, () => Promise<Response>> = {
      ask: () => pipeline.post(body, 'order-1'),
      askWithoutKey: () => pipeline.post(body),
      webhook: () => sendDelivery('fitinview', entry, message),
      cancel: () => pipeline.call('POST', `/v1/generations/${waiting}/cancel`),
    };
    const contents = () => contentsOf(pipeline.redis, pipeline.keys.prefix, QUEUE_META);
    const before = await contents();

    const end = await fault.begin(own);
    for (const [name, request] of Object.entries(each)) {
      await expectTryLater(await request(), name);
    }
    expect((await pipeline.call('GET', '/livez')).status).toBe(200);
    const causes = pipeline.lines.filter(({ msg }) => msg === 'unavailable');
    expect(JSON.stringify(causes)).toContain(fault.says);

    await end();
    expect(await contents()).toEqual(before);
    const accepted = await until('the same again is accepted', async () => {
      const response = await pipeline.post(body, 'order-1');
      return response.status === 503 ? undefined : response;
    });
    expect(accepted.status).toBe(202);
    expect((await sendDelivery('fitinview', entry, message)).status).toBe(200);
    const { id } = (await accepted.json()) as Shown; // our own API's answer
    await pipeline.startWorkers();
    const shown = await pipeline.untilSettled([id, waiting]);
    expect(shown.map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(pipeline.events).toHaveLength(2);
  },
);
