import { expect, test } from 'vitest';
import { queueNames } from '../../../src/config/queues.ts';
import { newGenerationId } from '../../../src/generation/ids.ts';
import { setupPipeline } from '../../support/pipeline.ts';
import { until } from '../../support/until.ts';

test('an unreadable record stops nobody else: its own item fails loudly, the others complete', async () => {
  const pipeline = await setupPipeline();
  const broken = newGenerationId(Date.now());
  await pipeline.redis.set(pipeline.keys.record(broken), '1\n{"not":"a record"}');
  await pipeline.redis.zadd(pipeline.keys.owed('fitinview'), Date.now(), broken);
  const good = await pipeline.request('fitinview');
  // Both travel in one list.
  await pipeline.queue(queueNames.completions).add('completions', {
    v: 1,
    items: [
      { id: broken, event: { type: 'cancel' } },
      { id: good, event: { type: 'cancel' } },
    ],
  });
  expect((await pipeline.untilFinal(good)).finishedAt).not.toBeNull();
  await until('the broken one is given up', async () => {
    return (await pipeline.queue(queueNames.completions).getFailedCount()) === 1;
  });
  const [job] = await pipeline.queue(queueNames.completions).getFailed();
  expect(job?.failedReason).toMatch(/^defect/);
  expect(job?.data).toMatchObject({ items: [{ id: broken }] });
  await until('the round says so', () => {
    return pipeline.lines.some(({ msg }) => msg === 'unreadable records');
  });
});

test('an event for a generation that nobody knows is passed over', async () => {
  const pipeline = await setupPipeline();
  const stranger = newGenerationId(Date.now());
  await pipeline.catwalk.cancelGeneration(stranger);
  const id = await pipeline.request('fashn');
  await pipeline.untilSettled([id]);
  expect(pipeline.events).toHaveLength(1);
  expect(await pipeline.failedJobs()).toBe(0);
});
