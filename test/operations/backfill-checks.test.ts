import { expect, test } from 'vitest';
import { type Pipeline, setupPipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';
import { runOperation, startOperation } from './run-operation.ts';

/** Generations whose work is done, and whose next poll is long after the test. */
async function affected(pipeline: Pipeline, count: number): Promise<string[]> {
  const asked = Array.from({ length: count }, () =>
    pipeline.request('fashn', { scenario: 'no-webhook' }),
  );
  const ids = await Promise.all(asked);
  await until('the provider has finished all', () => {
    const { accepted } = pipeline.book('fashn');
    return accepted.length === count && accepted.every(({ doneAtMs }) => doneAtMs !== null);
  });
  await until('every task is known', async () => {
    const records = await pipeline.store.loadAll(ids);
    return records.every((record) => record && 'state' in record && record.state === 'submitted');
  });
  return ids;
}

const polls = (pipeline: Pipeline): number =>
  pipeline.book('fashn').accepted.reduce((sum, entry) => sum + entry.polls, 0);

test('what is far from its next poll is checked at once, completes and is notified once', async () => {
  const pipeline = await setupPipeline();
  const ids = await affected(pipeline, 5);
  expect(polls(pipeline)).toBe(0);
  const { code, said } = await runOperation(['backfill', '--since', '1h'], pipeline.env);
  expect(code).toBe(0);
  expect(said[2]).toMatch(/^fashn {6}5 {2,}0 {2,}no time {2,}0$/);
  expect(said.at(-1)).toBe('5 of 5 checked or ended');
  const shown = await pipeline.untilSettled(ids);
  expect(shown.map(({ status, via }) => `${status} ${via}`)).toEqual(
    ids.map(() => 'completed poll'),
  );
  expect(pipeline.events).toHaveLength(5);
  expect(polls(pipeline)).toBe(5);
});

test('a hundred are checked at the poll budget: a second’s worth at once, and then so many a second', {
  timeout: 60_000,
}, async () => {
  const pollsPerSecond = 20;
  const pipeline = await setupPipeline({
    env: { FASHN_POLLS_PER_SECOND: String(pollsPerSecond) },
  });
  // A budget that counts for the fleet, and not for each process.
  await pipeline.startWorkers();
  const ids = await affected(pipeline, 100);
  const { code, said } = await runOperation(['backfill', '--since', '1h', '--json', '--no-wait'], {
    ...pipeline.env,
  });
  expect(code).toBe(0);
  expect(JSON.parse(said[0] ?? '').providers[1]).toMatchObject({
    waiting: 100,
    checksTakeMs: 4_000,
  });

  const seen: { at: number; polls: number }[] = [];
  await until('all have been checked', () => {
    seen.push({ at: performance.now(), polls: polls(pipeline) });
    return polls(pipeline) >= 100;
  });
  for (const from of seen) {
    const within = seen.filter(({ at }) => at >= from.at && at <= from.at + 1_000);
    const most = Math.max(...within.map((later) => later.polls - from.polls));
    // A full budget and what it gains in that second, and what a busy machine held up before.
    expect(most).toBeLessThanOrEqual(2 * pollsPerSecond + 5);
  }
  const shown = await pipeline.untilSettled(ids);
  expect(shown.every(({ status }) => status === 'completed')).toBe(true);
  const finished = shown.map(({ finishedAt }) => Date.parse(finishedAt ?? ''));
  // 80 after the first 20.
  expect(Math.max(...finished) - Math.min(...finished)).toBeGreaterThanOrEqual(3_800);
  expect(polls(pipeline)).toBe(100);
  expect(pipeline.events).toHaveLength(100);
});

test('Ctrl-C ends the watching only: the checks are made when a worker is there', async () => {
  const pipeline = await setupPipeline({ workers: false });
  const sender = await pipeline.startWorkers();
  const ids = await affected(pipeline, 2);
  await sender.stop();
  const operation = startOperation(['backfill', '--since', '1h'], pipeline.env);
  await operation.untilSaid(/^0 of 2 checked or ended$/);
  operation.interrupt();
  const { code, said } = await operation.ended;
  expect(code).toBe(0);
  expect(said.at(-1)).toBe('Not watching any more, at 0 of 2. The checks go on.');
  await pipeline.startWorkers();
  const shown = await pipeline.untilSettled(ids);
  expect(shown).toMatchObject([{ status: 'completed' }, { status: 'completed' }]);
});
