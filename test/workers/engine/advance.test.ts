import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedRedis } from '../../../rig/redis/embedded-redis.ts';
import { newGenerationId } from '../../../src/generation/ids.ts';
import { createEnqueue } from '../../../src/producers/enqueue.ts';
import { createQueueSet } from '../../../src/producers/queue-set.ts';
import { createRounds } from '../../../src/producers/rounds.ts';
import { encodeRecord } from '../../../src/store/record-format.ts';
import { createStore, type Store } from '../../../src/store/store.ts';
import { createSubscribers } from '../../../src/store/subscribers.ts';
import { createTurns } from '../../../src/store/turns.ts';
import { createAdvance } from '../../../src/workers/engine/advance.ts';
import { mayBeNews } from '../../../src/workers/engine/batch.ts';
import { EVENTS, NOW, RECORDS, RULES } from '../../generation/fixtures.ts';
import { NO_TURNS } from '../../support/no-turns.ts';
import { connectTestRedis } from '../../support/redis.ts';
import { tellAtOnce } from '../../support/tell-at-once.ts';
import { until } from '../../support/until.ts';

const { submitted } = RECORDS;
const submitting = { ...RECORDS.submitting, id: newGenerationId(NOW) };
const queued = { ...RECORDS.queued, id: newGenerationId(NOW) };

/** Everything that a step needs, on a Redis of its own that has the records. */
async function setup(storeOf = (store: Store, _redis: Redis): Store => store) {
  const own = await startEmbeddedRedis({ log: () => undefined });
  onTestFinished(own.stop);
  const { redis, keys, close } = connectTestRedis(own.url);
  onTestFinished(close);
  const log = pino({ level: 'silent' });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  onTestFinished(queues.close);
  const now = () => NOW;
  const store = createStore({
    redis,
    keys,
    retentionMs: 60_000,
    matchedByTask: new Set(),
    ...NO_TURNS,
  });
  const advance = createAdvance({
    beforeTelling: tellAtOnce,
    store: storeOf(store, redis),
    enqueue: createEnqueue(queues),
    turns: createTurns({ redis, keys, store, ...NO_TURNS }),
    rounds: createRounds(queues, now),
    subscribers: createSubscribers({ redis, keys }),
    rulesFor: () => RULES,
    now,
    log,
  });
  for (const record of [submitted, submitting, queued]) {
    await redis.set(keys.record(record.id), encodeRecord(record));
    // As who has its turn.
    await redis.zadd(keys.running(record.provider), NOW, record.id);
  }
  return { redis, keys, advance };
}

test('when Redis refuses both, an outcome to be handed on and a save, the call fails and nothing else', async () => {
  const { redis, advance } = await setup();
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));

  await redis.config('SET', 'min-replicas-to-write', 1);
  const steps = [
    { id: submitted.id, generation: submitted, event: EVENTS['observed-final'] },
    { id: submitting.id, generation: submitting, event: EVENTS['submit-accepted'] },
  ];
  await expect(advance.all(steps, { finish: false })).rejects.toThrow(/^NOREPLICAS/);
  await until('both were refused', async () => {
    const refused = /^cmdstat_(zrem|incr):.*rejected_calls=1/gm;
    return (await redis.info('commandstats')).match(refused)?.length === 2;
  });
  await redis.config('SET', 'min-replicas-to-write', 0);
  // Node reports rejections that nobody took after the turn in which they happened.
  await redis.ping();
  await turn();
  expect(unhandled).toEqual([]);
});

test('a job that Redis does not take fails its own step, and no other of the batch', async () => {
  const { redis, keys, advance } = await setup();
  // So that one queue can take nothing, and everything else works.
  await redis.set(`${keys.prefix}:completions:wait`, 'not a list');
  await redis.set(`${keys.prefix}:poll-${submitting.provider}:delayed`, 'not a sorted set');
  const [ending, accepted, started] = await advance.all(
    [
      { id: submitted.id, generation: submitted, event: EVENTS['observed-final'] },
      { id: submitting.id, generation: submitting, event: EVENTS['submit-accepted'] },
      { id: queued.id, generation: queued, event: EVENTS['submit-started'] },
    ],
    { finish: false },
  );
  expect(ending).toMatchObject({ kind: 'failed' });
  expect(accepted).toMatchObject({ kind: 'failed' });
  expect(started).toMatchObject({ kind: 'moved', generation: { state: 'submitting' } });
});

test('an intent that was saved is its owner’s, also when another step of the batch is refused later', async () => {
  // The other one loses its compare-and-set, and by then Redis takes nothing any more.
  const { redis, advance } = await setup((store, server) => ({
    ...store,
    saveAll: async (records) => {
      const saved = await store.saveAll(records);
      await server.config('SET', 'min-replicas-to-write', 1);
      return saved;
    },
  }));
  const stale = { ...submitted, version: submitted.version - 1 };
  const [started, polled] = await advance.all(
    [
      { id: queued.id, generation: queued, event: EVENTS['submit-started'] },
      { id: stale.id, generation: stale, event: { ...EVENTS['observed-live'], source: 'poll' } },
    ],
    { finish: false },
  );
  await redis.config('SET', 'min-replicas-to-write', 0);
  expect(started).toMatchObject({ kind: 'moved', generation: { state: 'submitting' } });
  expect(polled).toMatchObject({ kind: 'failed' });
});

test('what was parked is passed on until one of it was heard, and never because of itself', () => {
  const { hint } = EVENTS;
  const live = { ...EVENTS['observed-live'], source: 'webhook' } as const;
  expect(mayBeNews(EVENTS['submit-accepted'], submitted)).toBe(true);
  // Whoever saved the task may have died before it passed anything on.
  expect(mayBeNews(EVENTS['poll-failed'], submitted)).toBe(true);
  for (const event of [hint, live]) expect(mayBeNews(event, submitted)).toBe(false);
  const hinted = { ...submitted, hintedAt: NOW };
  expect(mayBeNews(EVENTS['poll-failed'], hinted)).toBe(false);
});
