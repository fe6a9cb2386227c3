import { expect, test } from 'vitest';
import type { AcceptedEntry } from '../../simulator/index.ts';
import { setupPipeline } from '../support/pipeline.ts';
import { TENANT } from '../support/pipeline-settings.ts';
import { setupProcesses } from '../support/processes.ts';
import { until } from '../support/until.ts';

const COUNT = 30;
const LIMIT = 6;
/** What would be refused is refused: the simulated provider has the limit of the real one. */
const simulator = { providers: { fashn: { concurrentTasks: LIMIT } } };

/** The most tasks that were live at the provider at one time, by its own book. */
function mostAtOnce(accepted: readonly AcceptedEntry[]): number {
  const changes = accepted.flatMap(({ acceptedAtMs, doneAtMs }) => [
    { at: acceptedAtMs, by: 1 },
    { at: doneAtMs ?? Number.POSITIVE_INFINITY, by: -1 },
  ]);
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  let [live, most] = [0, 0];
  for (const { by } of changes) {
    live += by;
    most = Math.max(most, live);
  }
  return most;
}

test('no more tasks run at a provider than it allows, whoever sends them, and none is refused', async () => {
  const pipeline = await setupPipeline({
    simulator: { ...simulator, latencyMs: { min: 800, max: 1_500 } },
    env: { FASHN_RUNNING: String(LIMIT) },
  });
  await pipeline.startWorkers();
  const ids = await Promise.all(Array.from({ length: COUNT }, () => pipeline.request('fashn')));
  const shown = await pipeline.untilSettled(ids, 60_000);
  expect(shown.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
  const { accepted, refused } = pipeline.book('fashn');
  expect(refused).toEqual([]);
  expect(accepted).toHaveLength(COUNT);
  expect(mostAtOnce(accepted)).toBe(LIMIT);
  expect(await pipeline.redis.zcard(pipeline.keys.running('fashn'))).toBe(0);
  expect(await pipeline.failedJobs()).toBe(0);
}, 90_000);

test('what waits for a place stays in its order, and can be canceled', async () => {
  const pipeline = await setupPipeline({
    env: { FASHN_RUNNING: '1', FASHN_CONCURRENCY: '1' },
    simulator: { latencyMs: { min: 2_000, max: 2_000 } },
  });
  const first = await pipeline.request('fashn');
  await pipeline.untilShown(first, ({ submittedAt }) => submittedAt !== null);
  const second = await pipeline.request('fashn');
  const third = await pipeline.request('fashn');
  expect(await pipeline.cancel(second)).toBe(202);
  expect(await pipeline.untilFinal(second)).toMatchObject({ status: 'canceled' });
  expect(await pipeline.untilFinal(third)).toMatchObject({ status: 'completed' });
  expect(pipeline.book('fashn').accepted).toHaveLength(2);
}, 60_000);

test('a worker told to stop does not wait for places, and hands its jobs back', async () => {
  const pipeline = await setupPipeline({
    workers: false,
    env: { FASHN_RUNNING: '1', SHUTDOWN_MS: '20000' },
    simulator: { latencyMs: { min: 3_000, max: 3_000 } },
  });
  const workers = await pipeline.startWorkers();
  const ids = await Promise.all([1, 2, 3].map(() => pipeline.request('fashn')));
  const line = pipeline.keys.line('fashn', TENANT, 'interactive');
  await until('one runs', async () => pipeline.book('fashn').accepted.length === 1);
  expect(await pipeline.redis.zcard(line)).toBe(2);
  const toldAt = Date.now();
  await workers.stop();
  expect(Date.now() - toldAt).toBeLessThan(2_500);
  await pipeline.startWorkers();
  const shown = await pipeline.untilSettled(ids, 60_000);
  expect(new Set(shown.map(({ status }) => status))).toEqual(new Set(['completed']));
}, 90_000);

test('a worker killed while tasks run: the places stay taken, and all complete within the limit', async ({
  onTestFinished,
}) => {
  const stack = await setupProcesses({
    onFinished: onTestFinished,
    latencyMs: { min: 2_000, max: 3_000 },
    patience: { webhookGraceMs: 6_000, giveUpAfterMs: 120_000 },
    env: {
      FASHN_RUNNING: String(LIMIT),
      UNCONFIRMED_GRACE_MS: '20000',
      SUBMIT_TIMEOUT_MS: '30000',
    },
    simulator,
  });
  const first = await stack.startWorker();
  const ids = await Promise.all(Array.from({ length: COUNT }, () => stack.request('fashn')));
  const accepted = () => stack.simulator.ledger()['fashn']?.accepted ?? [];
  const live = () => accepted().filter(({ doneAtMs }) => doneAtMs === null);
  // All places are taken, and have been for a while: so no submission is under way.
  await until('it is in the middle', () => {
    const newest = Math.max(...live().map(({ acceptedAtMs }) => acceptedAtMs));
    return accepted().length > LIMIT && live().length === LIMIT && Date.now() - newest > 200;
  });
  await first.kill();
  await stack.startWorker();
  await stack.untilTold(COUNT, 100_000);
  const outcomes = stack.events.map(({ data }) => data.reason?.code ?? data.outcome);
  expect(outcomes).toEqual(ids.map(() => 'completed'));
  expect(stack.simulator.ledger()['fashn']?.refused).toEqual([]);
  expect(stack.payments()).toEqual({ paid: COUNT, paidTwice: 0 });
  expect(mostAtOnce(accepted())).toBeLessThanOrEqual(LIMIT);
}, 150_000);
