import { describe, expect, test } from 'vitest';
import { OUT_OF_MEMORY, READ_ONLY } from '../../rig/redis/redis-faults.ts';
import { queueNames } from '../../src/config/queues.ts';
import { type OwnRedis, setupOnOwnRedis } from '../support/own-redis.ts';
import { askPatiently, untilRescued } from '../support/patient-app.ts';
import { type Pipeline, PROVIDERS } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const BEFORE = 30;
const MEANWHILE = 6;
/** Tasks that end at their providers while Redis refuses, and so webhooks that it refuses. */
const UNDER_WAY = 4;
/** So spread that something of every kind is under way when Redis begins to refuse. */
const SIMULATOR = { latencyMs: { min: 100, max: 5_000 } };
/** Polls go on while webhooks are refused, and no jump of the clock makes us give up. */
const PATIENCE = { webhookGraceMs: 1_500, giveUpAfterMs: 600_000 };
/** All of a worker process's connections together; without a pause they come to 130 a second. */
const MOST_CONNECTIONS_PER_S = 60;

const answersOf = (pipeline: Pipeline): (number | null)[] =>
  PROVIDERS.flatMap((name) => pipeline.book(name).accepted)
    .flatMap(({ webhookAttempts }) => webhookAttempts)
    .map(({ answeredStatus }) => answeredStatus);

const underWay = (pipeline: Pipeline): number =>
  PROVIDERS.flatMap((name) => pipeline.book(name).accepted).filter(
    ({ doneAtMs }) => doneAtMs === null,
  ).length;

async function connectionsSoFar({ admin }: OwnRedis): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
}

/** They wait more than they work. */
describe.concurrent('while results come in, workers stay and', () => {
  test.for([READ_ONLY, OUT_OF_MEMORY])(
    'Redis answers $says for a while: all complete, are notified once and paid once',
    { timeout: 240_000 },
    async (fault, { onTestFinished }) => {
      const { own, pipeline } = await setupOnOwnRedis(onTestFinished, {
        simulator: SIMULATOR,
        patience: PATIENCE,
      });
      const ask = (count: number, from: number): Promise<string[]> =>
        Promise.all(Array.from({ length: count }, (_, i) => askPatiently(pipeline, from + i)));
      const before = await ask(BEFORE, 0);
      const isMiddle = () => pipeline.events.length >= 5 && underWay(pipeline) >= UNDER_WAY;
      await until('results come in, and more will', isMiddle, 60_000);

      const end = await fault.begin(own);
      const startedAt = performance.now();
      const connectionsBefore = await connectionsSoFar(own);
      const meanwhile = ask(MEANWHILE, BEFORE);
      const refused = () => answersOf(pipeline).filter((status) => status === 503);
      await until('webhooks are refused', () => refused().length >= UNDER_WAY, 60_000);
      const perSecond =
        (1_000 * ((await connectionsSoFar(own)) - connectionsBefore)) /
        (performance.now() - startedAt);
      expect(perSecond).toBeLessThan(MOST_CONNECTIONS_PER_S);
      expect(pipeline.events.length).toBeLessThan(BEFORE);
      await end();

      const ids = [...before, ...(await meanwhile)];
      const shown = await untilRescued(pipeline, ids);
      expect(shown.map(({ reason, status }) => reason?.code ?? status)).toEqual(
        ids.map(() => 'completed'),
      );
      expect(pipeline.events.map((event) => event.data.generationId).sort()).toEqual(
        [...ids].sort(),
      );
      for (const provider of PROVIDERS) {
        expect(pipeline.book(provider).accepted).toHaveLength((BEFORE + MEANWHILE) / 2);
      }
      expect(await pipeline.queue(queueNames.completions).getFailedCount()).toBe(0);
    },
  );
});
