import { GenerationId } from '../../src/generation/ids.ts';
import {
  redriven as realRedriven,
  redriveWay as realRedriveWay,
} from '../../src/generation/redrive.ts';
import type { Actor, Scene } from './model-advance.ts';
import { DEAD, type Job } from './model-redis.ts';
import { REDRIVEN_ID, type World } from './world.ts';

/** One command of an operator's, about one generation. */
export interface Command {
  readonly scene: Scene;
  readonly actor: Actor;
}

interface Operations {
  /** One more generation, in a scene of its own. */
  newScene(): Scene;
  newId(): GenerationId;
  /** Which generation was tried again by which: what is noted in one step with the new record. */
  readonly redriven: Map<Scene, Scene>;
}

/** Somebody who runs dead jobs again and redrives what ended in vain, as often as he may. */
export function createOperator(
  { dice, situation }: World,
  { scenes, newScene }: { scenes: readonly Scene[]; newScene: () => Scene },
) {
  let redrives = situation.redrives;
  let begun = 0;
  const newId = (): GenerationId =>
    GenerationId.parse(`${REDRIVEN_ID}${String(++begun).padStart(23, '0')}`);
  const operations: Operations = { newScene, newId, redriven: new Map() };

  const deadIn = ({ redis }: Scene): Job | undefined =>
    redis.jobs.find(({ holder }) => holder === DEAD);

  return {
    hasDeadJobs: (): boolean => scenes.some(deadIn),
    mayRedrive: (): boolean => redrives > 0 && scenes.some(endedInVain),

    /** What he does next; dead jobs come first. */
    next(): Command | undefined {
      for (const scene of scenes) {
        const dead = deadIn(scene);
        if (dead) return { scene, actor: runAgain(scene, dead) };
      }
      const ended = redrives > 0 ? scenes.filter(endedInVain) : [];
      const scene = ended[dice.below(ended.length)];
      if (!scene) return undefined;
      redrives--;
      return { scene, actor: redrive(scene, operations) };
    },
  };
}

/** Whatever is redriven already may be once more: it gives the same. */
function endedInVain({ redis: { record } }: Scene): boolean {
  return record?.state === 'failed' || record?.state === 'timed_out';
}

/** src/operations/redrive-generations.ts, without --pay-again: read, decide, then one atomic step. */
function* redrive(scene: Scene, { newScene, newId, redriven }: Operations): Actor {
  const { world } = scene;
  const { rules, maxQueuedMs } = world.situation;
  yield 'reads what ended';
  const old = scene.redis.record;
  if (old?.state !== 'failed' && old?.state !== 'timed_out') return undefined;
  const way = (world.flaws.redriveWay ?? realRedriveWay)(old, {
    rules,
    dueAt: world.now,
    payAgain: false,
  });
  const begun = (world.flaws.redriven ?? realRedriven)(old, way, {
    id: newId(),
    now: world.now,
    dueAt: world.now,
    maxQueuedMs,
    giveUpAfterMs: rules.poll.giveUpAfterMs,
  });
  world.seen.add(`redrive: ${way}`);
  if (!begun) return undefined;
  yield `redrives it: ${way}`;
  if (redriven.has(scene) && !world.flaws.redrivesEachTime) return undefined;
  const next = newScene();
  redriven.set(scene, next);
  next.redis.create(begun);
  return undefined;
}

/** src/operations/redrive-jobs.ts */
function* runAgain({ world, redis }: Scene, job: Job): Actor {
  yield `runs ${job.id} again`;
  world.seen.add('dead job run again');
  redis.runAgain(job);
  return undefined;
}
