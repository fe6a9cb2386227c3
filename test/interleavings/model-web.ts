import { type GenerationEvent, observedEvent } from '../../src/generation/events.ts';
import type { Actor, Scene } from './model-advance.ts';
import { outcomeOf, type Task } from './model-provider.ts';
import type { ModelMailbox } from './model-redis.ts';
import { seconds } from './situation.ts';
import { FIRST_ID } from './world.ts';

/** src/producers/request-generation.ts: the record with its due time, then the submit job. */
export function* request({ world, redis }: Scene): Actor {
  const { mode, maxQueuedMs } = world.situation;
  const createdAt = world.now;
  redis.create({
    id: FIRST_ID,
    version: 1,
    tenant: 'acme',
    provider: 'acme',
    model: 'tryon',
    mode,
    input: {},
    createdAt,
    attempt: 1,
    sends: 0,
    refusals: 0,
    state: 'queued',
    deadlineAt: createdAt + maxQueuedMs,
    dueAt: createdAt + seconds(30),
  });
  yield 'adds the submit job';
  redis.add('submit', 'submit-0-0', world.now);
  return undefined;
}

/**
 * src/producers/receive-webhook.ts, for what the provider says about a task at this moment. The
 * scene is that of the generation whose URL it carries.
 */
export function* deliver(scene: Scene, task: Task, mailbox: ModelMailbox): Actor {
  const { world, provider } = scene;
  const observation = provider.check(task.id);
  if (observation.kind === 'missing') return undefined;
  const isHint = observation.kind === 'final' && !world.situation.believed;
  const event: GenerationEvent = isHint
    ? { type: 'hint', taskId: task.id }
    : observedEvent(observation, 'webhook', { taskId: task.id });
  yield `answers a webhook: ${event.type}`;
  let enqueue: ((event: GenerationEvent) => void) | undefined = scene.redis.addCompletion;
  if (world.situation.accountWide) {
    enqueue = mailbox.owned.get(task.id);
    if (!enqueue) {
      scene.redis.park(task.id, event);
      world.seen.add('parked');
      return undefined;
    }
  }
  yield 'enqueues it';
  enqueue(event);
  return undefined;
}

/** Someone who knows the URL claims the opposite of the truth. */
export function* forge(scene: Scene, task: Task): Actor {
  const { world, redis } = scene;
  yield 'answers a forged webhook';
  const outcome = outcomeOf({
    ...task,
    id: 'forged',
    verdict: task.verdict === 'failed' ? 'completed' : 'failed',
  });
  world.seen.add('forged');
  const claim = observedEvent({ kind: 'final', outcome }, 'webhook', { taskId: task.id });
  redis.addCompletion(world.flaws.believesEveryone ? claim : { type: 'hint', taskId: task.id });
  return undefined;
}

export function* cancel({ world, redis }: Scene): Actor {
  yield 'answers a cancel';
  world.seen.add('cancel');
  redis.addCompletion({ type: 'cancel' });
  return undefined;
}
