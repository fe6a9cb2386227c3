import { expect, onTestFinished, test } from 'vitest';
import { queueNames } from '../../src/config/queues.ts';
import { setupOnOwnRedis } from '../support/own-redis.ts';
import { askPatiently, untilRescued } from '../support/patient-app.ts';
import { PROVIDERS } from '../support/pipeline.ts';

const COUNT = 60;

test('scripts that Redis forgets all the time: everything completes, is notified once and paid once', async () => {
  const { own, pipeline } = await setupOnOwnRedis(onTestFinished, {
    patience: { webhookGraceMs: 500, giveUpAfterMs: 600_000 },
  });
  let done = false;
  let flushes = 0;
  // One after the other, so that there is hardly a moment in which a script is known for long.
  const flushing = (async () => {
    for (; !done; flushes++) await own.admin.script('FLUSH');
  })();
  const ids = await Promise.all(
    Array.from({ length: COUNT }, (_, index) => askPatiently(pipeline, index)),
  );
  const shown = await untilRescued(pipeline, ids);
  done = true;
  await flushing;

  expect(shown.map(({ reason, status }) => reason?.code ?? status)).toEqual(
    ids.map(() => 'completed'),
  );
  expect(pipeline.events.map((event) => event.data.generationId).sort()).toEqual([...ids].sort());
  for (const provider of PROVIDERS) {
    expect(pipeline.book(provider).accepted).toHaveLength(COUNT / 2);
  }
  expect(flushes).toBeGreaterThan(COUNT);
  // A round that fails is added again by the tick; what says how a generation ended is not.
  expect(await pipeline.queue(queueNames.completions).getFailedCount()).toBe(0);
}, 150_000);
