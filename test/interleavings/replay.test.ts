import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedRedis } from '../../rig/redis/embedded-redis.ts';
import { connectTestRedis } from '../support/redis.ts';
import { FLAWS } from './planted-flaws.ts';
import { diceOf } from './random.ts';
import { Drift } from './real-calls.ts';
import { createReplay } from './replay.ts';
import { situationOf } from './situation.ts';
import { createRecorder } from './trace.ts';
import { walk } from './walk.ts';
import type { Flaws } from './world.ts';

const TRACES = 250;

/** On a Redis that is emptied before every trace. */
async function setup() {
  const own = await startEmbeddedRedis({ log: () => undefined });
  onTestFinished(own.stop);
  const { redis, keys, close } = connectTestRedis(own.url);
  onTestFinished(close);
  const replay = createReplay({ redis, keys, log: pino({ level: 'silent' }) });
  onTestFinished(replay.close);

  /** Plays the schedule of this seed in the model, and then for real. @throws Drift */
  return async (seed: number, flaws: Flaws = {}): Promise<number> => {
    const situation = situationOf(seed, diceOf(seed));
    const recorder = createRecorder();
    walk(seed, { flaws, recorder });
    await replay.play(recorder.trace, situation);
    return recorder.trace.length;
  };
}

/** Schedules of one generation: an operator's redrives would make more. */
function* seedsOfOne(): Generator<number> {
  for (let seed = 0; ; seed++) if (situationOf(seed, diceOf(seed)).redrives === 0) yield seed;
}

test('whatever the model does, the real advance, store and Redis do the same, step by step', {
  timeout: 240_000,
}, async () => {
  const play = await setup();
  let [traces, steps] = [0, 0];
  for (const seed of seedsOfOne()) {
    if (traces++ === TRACES) break;
    steps += await play(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
  }
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
  const play = await setup();
  for (const seed of seedsOfOne()) {
    const drift = await play(seed, flaws).catch((error: unknown) => error);
    if (drift instanceof Drift) return;
    if (drift instanceof Error) throw drift;
    expect(seed, 'as many schedules without a difference').toBeLessThan(600);
  }
});
