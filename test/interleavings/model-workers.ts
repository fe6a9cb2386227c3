import { type GenerationEvent, observedEvent } from '../../src/generation/events.ts';
import { attemptOf, type Generation, isFinal } from '../../src/generation/generation.ts';
import { attemptKey } from '../../src/generation/ids.ts';
import { isLastCheckDue } from '../../src/generation/late-result.ts';
import { type Actor, advance, type Scene } from './model-advance.ts';
import type { Job } from './model-redis.ts';
import { LEASE_MS, SEND_MARGIN_MS, seconds } from './situation.ts';

/** What a worker does with a job. @returns when to run it again, if it is not done. */
export function work(scene: Scene, job: Job): Actor {
  switch (job.kind) {
    case 'submit':
      return submit(scene);
    case 'look-up':
      return lookUp(scene);
    case 'cancel':
      return cancelTask(scene);
    case 'round':
      return round(scene);
    case 'completions':
      return complete(scene, job);
    case 'subscriber':
      return subscribe(scene, job);
  }
}

/** src/workers/stages/submit.ts */
function* submit(scene: Scene): Actor {
  const { world, redis, provider } = scene;
  yield 'reads the record';
  const known = redis.record;
  if (known?.state !== 'queued' && known?.state !== 'unconfirmed') return undefined;
  if (heldUntil(known) > world.now) return heldUntil(known);
  if (world.isWild && world.dice.oneIn(8)) return yield* waitInPlace(scene, known);
  const submitStarted = [{ type: 'submit-started', sender: world.newSender() } as const];
  const [started] = yield* advance(scene, submitStarted, { finish: false }, known);
  const mayCall = started?.kind === 'moved' || (started && world.flaws.callsWithoutWinning);
  if (!mayCall || !('generation' in started) || started.generation.state !== 'submitting') {
    return undefined;
  }

  const generation = started.generation;
  const startedAt = generation.dueAt - world.situation.rules.sendOverdueMs;
  yield 'calls the provider';
  let event: GenerationEvent;
  let isAnswered = false;
  if (world.now > startedAt + SEND_MARGIN_MS && !world.flaws.callsHoweverLate) {
    const { sends: send } = generation;
    event = { type: 'submit-deferred', send, reason: 'unavailable', until: world.now };
    world.seen.add('too late to call');
  } else {
    const request = provider.send(generation);
    while (request.phase !== 'over') yield request;
    event = request.answer;
    isAnswered =
      event.type === 'submit-accepted' && request.task?.finishAt === request.task?.acceptedAt;
    if (isAnswered && request.task) {
      yield* advance(scene, [event], { finish: false }, generation);
      const outcome = provider.check(request.task.id);
      if (outcome.kind !== 'final') return undefined;
      yield 'enqueues the outcome that came with the answer';
      scene.redis.addCompletion({
        type: 'observed-final',
        source: 'submit',
        outcome: outcome.outcome,
      });
      return undefined;
    }
  }
  yield* advance(scene, [event], { finish: false }, generation);
  return undefined;
}

/** The circuit of its model is open. */
function* waitInPlace(scene: Scene, known: Generation): Actor {
  const until = scene.world.now + scene.world.dice.pick([seconds(10), seconds(300)]);
  const event = { type: 'held', reason: 'circuit_open', until } as const;
  const [held] = yield* advance(scene, [event], { finish: false }, known);
  scene.world.seen.add('held back');
  const isWaiting = held?.kind === 'moved' || (held?.kind === 'ignored' && held.reason === 'held');
  return isWaiting ? heldUntil(held.generation) : undefined;
}

function heldUntil(generation: Generation): number {
  if (generation.state === 'queued') return generation.hold?.until ?? 0;
  return generation.state === 'unconfirmed' ? generation.resendAt : 0;
}

/** src/workers/stages/reconcile.ts */
function* lookUp(scene: Scene): Actor {
  const { world, redis, provider } = scene;
  yield 'reads the record';
  const generation = redis.record;
  if (generation?.state !== 'unconfirmed') return undefined;
  yield 'searches at the provider';
  if (world.isWild && world.dice.oneIn(8)) return world.now + 500;
  const askedAt = world.now;
  const { id, attempt } = attemptOf(generation);
  const task = provider.search(attemptKey(id, attempt));
  // An answer may be long under way.
  for (let n = world.isWild ? world.dice.below(6) : 0; n > 0; n--) yield 'waits for the search';
  world.say?.(`provider: the search ${task ? `finds ${task.id}` : 'finds nothing'}`);
  const event: GenerationEvent = task
    ? { type: 'submit-accepted', task: { id: task.id } }
    : { type: 'absence-proven', send: generation.sends, askedAt };
  world.seen.add(event.type);
  yield* advance(scene, [event], { finish: false });
  return undefined;
}

function* cancelTask({ redis, provider }: Scene): Actor {
  yield 'asks the provider to stop the task';
  const { record } = redis;
  if (record && 'task' in record && record.task) provider.cancel(record.task.id);
  return undefined;
}

/** src/workers/stages/round.ts */
function* round(scene: Scene): Actor {
  const { world, redis, provider } = scene;
  yield 'takes what is due';
  const startedAt = world.now;
  const taken = redis.takeDue(LEASE_MS);
  const nextAt = redis.due;
  if (nextAt !== undefined && nextAt < startedAt + LEASE_MS) {
    redis.ensureRound(Math.max(nextAt, startedAt + 1));
  }
  if (!taken) return undefined;
  let event: GenerationEvent = { type: 'overdue' };
  if (taken.state === 'submitted' || isLastCheckDue(taken, startedAt)) {
    if (isFinal(taken)) world.seen.add('last check');
    const askedAt = world.now;
    yield 'checks the task';
    // No check takes no time at all.
    world.now += 1;
    if (world.isWild && world.dice.oneIn(8)) event = { type: 'poll-failed' };
    else {
      const observation = provider.poll(taken.task.id);
      event = observedEvent(observation, 'poll', { taskId: taken.task.id, askedAt });
    }
    world.say?.(`provider: the check says ${event.type}`);
  }
  yield* advance(scene, [event], { finish: false }, taken);
  return undefined;
}

/** src/workers/stages/complete.ts */
function* complete(scene: Scene, job: Job): Actor {
  yield* advance(scene, job.events ?? [], { finish: true });
  return undefined;
}

function* subscribe({ world, rules }: Scene, job: Job): Actor {
  yield 'calls the subscriber';
  if (job.tells) rules.told(job.tells, world.now);
  world.say?.(`subscriber: told ${job.tells?.type}`);
  yield 'finishes the job';
  return world.isWild && world.dice.oneIn(8) ? world.now + seconds(1) : undefined;
}
