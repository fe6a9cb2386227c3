import { completionEvent, lateResultEvent } from '../../src/generation/completion-event.ts';
import type { Effect } from '../../src/generation/decision.ts';
import type { GenerationEvent } from '../../src/generation/events.ts';
import { type FinalGeneration, type Generation, isFinal } from '../../src/generation/generation.ts';
import type { CompletionEvent, LateResultEvent } from '../../src/generation/jobs.ts';
import { shownUnkept } from '../../src/generation/kept-result.ts';
import { asCompleted } from '../../src/generation/late-result.ts';
import { decide as realDecide } from '../../src/generation/state-machine.ts';
import { mayBeNews } from '../../src/workers/engine/batch.ts';
import type { Invariants } from './invariants.ts';
import type { ModelProvider, Request } from './model-provider.ts';
import type { ModelRedis } from './model-redis.ts';
import type { World } from './world.ts';

export interface Scene {
  readonly world: World;
  readonly redis: ModelRedis;
  readonly provider: ModelProvider;
  readonly rules: Invariants;
}

/**
 * A process doing one piece of work. Between two yields nobody else runs; at each of them anybody
 * may, time may pass, and the process may die. A yield says what comes next, or waits for a request.
 */
export type Actor<Result = number | undefined> = Generator<string | Request, Result, void>;

export type Advanced =
  | { kind: 'moved'; generation: Generation }
  | { kind: 'ignored'; reason: string; generation: Generation }
  | { kind: 'forwarded' }
  | { kind: 'unknown-generation' };

interface Move {
  event: GenerationEvent;
  generation: Generation;
  effects: readonly Effect[];
}

/** src/workers/engine/advance.ts, one atomic step at a time: read, decide, compare-and-set, effects. */
export function* advance(
  scene: Scene,
  events: readonly GenerationEvent[],
  may: { finish: boolean },
  known?: Generation,
): Actor<Advanced[]> {
  const { recorder, now } = scene.world;
  const steps = takeSteps(scene, events, may, known && events.map(() => known));
  return yield* recorder?.following({ events, may, known, now }, steps) ?? steps;
}

/** @param known the record as each event's sender has read it. */
function* takeSteps(
  scene: Scene,
  events: readonly GenerationEvent[],
  may: { finish: boolean },
  known?: readonly Generation[],
): Actor<Advanced[]> {
  const { world, redis } = scene;
  const results: Advanced[] = events.map(() => ({ kind: 'unknown-generation' }));
  const moved: Move[] = [];
  const forwarded: GenerationEvent[] = [];
  let loaded: Generation | undefined;
  if (!known) {
    yield 'reads the record';
    loaded = redis.load();
  }
  let pending = events.flatMap((event, index) => {
    const generation = known ? known[index] : loaded;
    return generation ? [{ index, event, generation }] : [];
  });

  while (pending.length > 0) {
    const moves: ({ index: number } & Move)[] = [];
    for (const { index, event, generation } of pending) {
      const { rules } = world.situation;
      const decision = (world.flaws.decide ?? realDecide)(generation, event, world.now, rules);
      if ('ignored' in decision) {
        results[index] = { kind: 'ignored', reason: decision.reason, generation };
        world.say?.(`${event.type}: ignored, ${decision.reason}`);
      } else if (isFinal(decision.next) && !isFinal(generation) && !may.finish) {
        results[index] = { kind: 'forwarded' };
        forwarded.push(event);
      } else moves.push({ index, event, generation: decision.next, effects: decision.effects });
    }
    pending = [];
    if (moves.length === 0) break;
    yield `saves what ${moves[0]?.event.type} means`;
    const saved = redis.saveAll(moves.map((move) => move.generation));
    for (const [position, result] of saved.entries()) {
      // One answer for each move, in the same order.
      const { index, event, effects } = moves[position] as (typeof moves)[number];
      if (result.saved) {
        results[index] = { kind: 'moved', generation: result.generation };
        moved.push({ event, generation: result.generation, effects });
        if (mayBeNews(event, result.generation)) forwarded.push(...result.parked);
      } else if (result.current) pending.push({ index, event, generation: result.current });
    }
  }

  for (const event of forwarded) {
    yield `forwards ${event.type} to completions`;
    redis.addCompletion(event);
  }
  yield* issue(scene, moved);
  return results;
}

function* issue(scene: Scene, moved: readonly Move[]): Actor<void> {
  const { world, redis } = scene;
  const news: News[] = [];
  for (const { event, generation, effects } of moved) {
    const step = `${generation.sends}-${generation.refusals}`;
    for (const effect of effects) {
      yield `issues ${effect.kind}`;
      if (effect.kind === 'submit') {
        if (event.type === 'overdue') redis.makeRoom(`submit-${step}`);
        redis.add('submit', `submit-${step}`, world.now + effect.delayMs);
      }
      if (effect.kind === 'look-up') {
        redis.makeRoom(`look-up-${step}`);
        redis.add('look-up', `look-up-${step}`, world.now);
      }
      if (effect.kind === 'cancel-task') redis.add('cancel', 'cancel', world.now);
      if (effect.kind === 'round') redis.ensureRound(effect.at);
      if (!isFinal(generation)) continue;
      if (effect.kind === 'notify') {
        news.push({ generation, id: 'told', tells: completionEvent(generation) });
      }
      if (effect.kind === 'notify-late') {
        news.push({ generation, id: 'told-late', tells: lateEventOf(generation) });
      }
    }
  }
  if (news.length > 0) yield* tell(scene, news);
}

/** What a subscriber is to be told, and the id of its job. */
interface News {
  readonly generation: FinalGeneration;
  readonly id: 'told' | 'told-late';
  readonly tells: CompletionEvent | LateResultEvent;
}

/** The subscriber's job first; only then does the record not owe it any more. */
function* tell(scene: Scene, news: readonly News[]): Actor<void> {
  const { world, redis } = scene;
  const told = news.map(
    ({ id }) => ({ type: id === 'told' ? 'notified' : 'late-notified' }) as const,
  );
  const known = news.map(({ generation }) => generation);
  if (world.flaws.marksNotifiedFirst) yield* takeSteps(scene, told, { finish: true }, known);
  for (const { id, tells } of news) {
    yield 'adds the subscriber’s job';
    redis.add('subscriber', id, world.now, { tells });
  }
  if (!world.flaws.marksNotifiedFirst) yield* takeSteps(scene, told, { finish: true }, known);
}

function lateEventOf(g: FinalGeneration): LateResultEvent {
  const event =
    g.state !== 'completed' &&
    g.late &&
    lateResultEvent(g, g.late, shownUnkept(asCompleted(g) ?? g));
  if (!event) throw new Error('there is no late result to tell');
  return event;
}
