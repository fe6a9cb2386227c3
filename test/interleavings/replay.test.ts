import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createRandom } from '../../rig/random.ts';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { connectTestRedis } from '../support/redis.ts';
import { FLAWS } from './planted-flaws.ts';
import { Drift } from './real-calls.ts';
import { createReplay } from './replay.ts';
import { situationOf } from './situation.ts';
import { createRecorder } from './trace.ts';
import { walk } from './walk.ts';
import type { Flaws } from './world.ts';

const TRACES = 250;

/** As many at a time: each waits for Redis most of its time. */
const SIDE_BY_SIDE = 4;

/** Players, each on a database of its own that is emptied before every trace. */
async function setup(players = 1) {
  const own = await startEmbeddedRedis({ log: () => undefined });
  onTestFinished(own.stop);
  const log = pino({ level: 'silent' });
  return Promise.all(
    Array.from({ length: players }, async (_, database) => {
      const { redis, keys, close } = connectTestRedis(own.url);
      onTestFinished(close);
      await redis.select(database);
      const replay = createReplay({ redis, keys, log });
      onTestFinished(replay.close);

      /** Plays the schedule of this seed in the model, and then for real. @throws Drift */
      return async (seed: number, flaws: Flaws = {}): Promise<number> => {
        const situation = situationOf(seed, createRandom(seed));
        const recorder = createRecorder();
        walk(seed, { flaws, recorder });
        await replay.play(recorder.trace, situation);
        return recorder.trace.length;
      };
    }),
  );
}

/** Schedules of one generation: an operator's redrives would make more. */
function* seedsOfOne(): Generator<number, number> {
  for (let seed = 0; ; seed++) if (situationOf(seed, createRandom(seed)).redrives === 0) yield seed;
}

test('whatever the model does, the real advance, store and Redis do the same, step by step', {
  timeout: 240_000,
}, async () => {
  const seeds = seedsOfOne();
  let [traces, steps] = [0, 0];
  const players = await setup(SIDE_BY_SIDE);
  const playing = players.map(async (play) => {
    while (traces++ < TRACES) {
      const seed = seeds.next().value;
      const played = await play(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      steps += played;
    }
  });
  await Promise.all(playing);
  expect(steps).toBeGreaterThan(50 * TRACES);
});

/** Of the planted flaws, those that are the record's, its schedule's or its jobs', one of each kind. */
const DRIFTS = [
  'an overdue send goes straight back to queued',
  'a refusal makes an uncertain attempt look unsent',
  'the last verdict wins',
  'the outcome is decided and nobody told',
  'records are saved without comparing',
  'it is marked as told before it is',
];

test.each(DRIFTS)('a model that is not the code is found out: %s', async (name) => {
  const flaws = FLAWS.find(([title]) => title === name)?.[1];
  if (!flaws) throw new Error('No such flaw is planted');
  const [play] = await setup();
  if (!play) throw new Error('There is a player');
  for (const seed of seedsOfOne()) {
    const drift = await play(seed, flaws).catch((error: unknown) => error);
    if (drift instanceof Drift) return;
    if (drift instanceof Error) throw drift;
    expect(seed, 'as many schedules without a difference').toBeLessThan(600);
  }
});
