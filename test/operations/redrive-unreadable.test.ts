import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { newGenerationId } from '../../src/generation/ids.ts';
import { createStore } from '../../src/store/store.ts';
import { RECORDS } from '../generation/fixtures.ts';
import { namespaceIn, redisUrl } from '../http/setup.ts';
import { contentsOf, QUEUE_META } from '../support/contents.ts';
import { NO_TURNS } from '../support/no-turns.ts';
import { pipelineEnv } from '../support/pipeline.ts';
import { runOperation } from './run-operation.ts';

/** Three dead letters, of which only the last can be read here; their ids in this order. */
async function setup() {
  const namespace = `r-${randomUUID()}`;
  const { redis, keys } = await namespaceIn(redisUrl(), namespace);
  const store = createStore({
    redis,
    keys,
    retentionMs: 3_600_000,
    matchedByTask: new Set(),
    ...NO_TURNS,
  });
  const now = Date.now();
  const make = async () => {
    const record = { ...RECORDS.failed, id: newGenerationId(now), version: 0, dueAt: now };
    await store.create({ ...record, createdAt: now - 60_000, finishedAt: now - 30_000 });
    return record.id;
  };
  const [newer, damaged, readable] = [await make(), await make(), await make()];
  await redis.set(keys.record(newer), '1\n{"format":999}');
  await redis.set(keys.record(damaged), '1\n{"state":"nonsense"}');

  const contents = () => contentsOf(redis, keys.prefix, QUEUE_META);
  const env = pipelineEnv('http://127.0.0.1:1', namespace);
  const redrive = (...args: string[]) => runOperation(['redrive', ...args], env);
  return { newer, damaged, readable, contents, redrive };
}

const named = (...ids: readonly string[]): string[] => ids.flatMap((id) => ['--id', id]);

test('a redrive by id counts what it cannot read, as a redrive of all does, and leaves it as it is', async () => {
  const { newer, damaged, readable, contents, redrive } = await setup();
  const before = await contents();
  for (const which of [named(newer, damaged, readable), ['--all']]) {
    const { code, said } = await redrive(...which, '--dry-run', '--json');
    expect(code).toBe(0);
    const { unreadable, groups } = JSON.parse(said[0] ?? '');
    expect(unreadable).toBe(2);
    expect(groups).toMatchObject([{ count: 1 }]);
  }
  const { code, said } = await redrive(...named(newer, damaged));
  expect(code).toBe(0);
  expect(said).toEqual([
    '0 dead letters found, 0 are tried again',
    '2 records could not be read, by this version at least: passed over',
  ]);
  expect(await contents()).toEqual(before);
});
