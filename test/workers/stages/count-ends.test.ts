import { pino } from 'pino';
import { expect, test } from 'vitest';
import { OUT_OF_MEMORY } from '../../../rig/redis/redis-faults.ts';
import { createUsage } from '../../../src/store/usage.ts';
import { countingEnds } from '../../../src/workers/stages/count-ends.ts';
import { NOW, RECORDS } from '../../generation/fixtures.ts';
import { setupStore, setupStoreOnOwnRedis } from '../../support/store.ts';

const finished = [RECORDS.completed];
const tellable = [{ generation: RECORDS.completed, results: [] }];

function setup<W extends ReturnType<typeof setupStore>>(world: W) {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  const usage = createUsage({ ...world, retentionMs: 60_000 });
  const beforeTelling = countingEnds({ usage, log }, async () => tellable);
  return { ...world, usage, lines, beforeTelling };
}

test('an end is counted before it is told, once', async () => {
  const { usage, beforeTelling } = setup(setupStore());
  for (const _ of [1, 2]) expect(await beforeTelling(finished)).toEqual(tellable);
  expect((await usage.lastDays('acme', 1, NOW))[0]?.models).toMatchObject([
    { ended: { completed: 1 } },
  ]);
});

test('while Redis takes nothing nothing is told, so that it is counted when it is', async () => {
  const { own, usage, beforeTelling } = setup(await setupStoreOnOwnRedis());
  const end = await OUT_OF_MEMORY.begin(own);
  await expect(beforeTelling(finished)).rejects.toThrow(OUT_OF_MEMORY.says);
  await end();
  await beforeTelling(finished);
  expect((await usage.lastDays('acme', 1, NOW))[0]?.models).toHaveLength(1);
});

test('usage that can never be counted stops no telling', async () => {
  const { redis, keys, lines, beforeTelling } = setup(setupStore());
  await redis.set(keys.usage('acme', '2027-01-15'), 'of another kind');
  expect(await beforeTelling(finished)).toEqual(tellable);
  expect(lines).toMatchObject([{ level: 50, msg: 'usage not counted' }]);
});
