import type { GenerationEvent, Observation } from '../../src/generation/events.ts';
import { attemptOf, type Generation, type Outcome } from '../../src/generation/generation.ts';
import { attemptKey } from '../../src/generation/ids.ts';
import {
  KEY_MARGIN_MS,
  minutes,
  SEARCH_VISIBLE_MS,
  SUBMIT_TIMEOUT_MS,
  seconds,
} from './situation.ts';
import { REDRIVEN_ID, type World } from './world.ts';

/** One task that the provider took, and was paid for. */
export interface Task {
  readonly id: string;
  readonly key: string;
  /** The generation whose webhook URL came with it, if any. */
  readonly webhookOf: string | undefined;
  readonly acceptedAt: number;
  /** From when on its search and its status route know it. */
  readonly visibleAt: number;
  readonly finishAt: number;
  readonly verdict: 'completed' | 'failed';
  isCanceled: boolean;
}

/** One submission on its way: it travels, is answered, and is over within the request timeout. */
export interface Request {
  readonly key: string;
  readonly webhookOf: string | undefined;
  readonly send: number;
  readonly limitAt: number;
  /** Such a request is long under way. */
  readonly isSlow: boolean;
  phase: 'travelling' | 'answering' | 'over';
  /** What the worker learns when it is over. */
  answer: GenerationEvent;
  task: Task | undefined;
}

/** What a task's provider says once it is over. The only truth there is about a generation. */
export function outcomeOf(task: Task): Outcome {
  if (task.isCanceled) return ended('canceled', 'canceled');
  if (task.verdict === 'failed') return ended('failed', 'provider_failed');
  return { verdict: 'completed', results: [{ kind: 'file', url: task.id }] };
}

function ended(verdict: 'canceled' | 'failed', code: string): Outcome {
  return { verdict, reason: { code, message: '' } };
}

const DURATIONS = [0, seconds(3), seconds(20), seconds(100)];

/** A provider of the situation's class. Keeps the book: every task in it was paid for. */
export function createModelProvider(world: World) {
  const { situation, dice } = world;
  const { repeatSubmit, keyWindowMs } = situation.rules;
  const tasks: Task[] = [];
  const requests: Request[] = [];
  const sends = new Set<string>();
  /** How often each task was said to be unknown. */
  const missed = new Map<string, number>();

  const provider = {
    tasks,
    requests,

    send(generation: Generation): Request {
      const { id, sends: send } = generation;
      if (sends.has(`${id} ${send}`)) world.broken('two workers called the provider for one send');
      sends.add(`${id} ${send}`);
      const attempt = attemptOf(generation);
      const key = attemptKey(attempt.id, attempt.attempt);
      const request: Request = {
        key,
        webhookOf: attempt.mode === 'hybrid' ? attempt.id : undefined,
        send,
        limitAt: world.now + SUBMIT_TIMEOUT_MS,
        isSlow: dice.oneIn(4),
        phase: 'travelling',
        answer: { type: 'submit-unknown', send },
        task: undefined,
      };
      requests.push(request);
      world.say?.(`provider: send ${send} of ${key} leaves`);
      return request;
    },

    /** The request reaches the provider, which accepts, refuses or recognises it. */
    arrive(request: Request): void {
      request.phase = 'answering';
      const known = recognise(request.key);
      // Also what it has already: limits and pictures may be looked at before the key.
      if (world.isWild && dice.oneIn(known ? 10 : 5)) {
        refuse(request);
        return;
      }
      const task = known ?? accept(request);
      request.task = task;
      request.answer = { type: 'submit-accepted', task: { id: task.id } };
      world.say?.(`provider: ${known ? 'recognises' : 'accepts'} ${request.key} as ${task.id}`);
    },

    /** The worker learns the answer; or that there will be none, whatever the provider did. */
    over(request: Request, isAnswered: boolean): void {
      if (!isAnswered) {
        request.answer = { type: 'submit-unknown', send: request.send };
        request.task = undefined;
        world.seen.add('lost answer');
      }
      request.phase = 'over';
      requests.splice(requests.indexOf(request), 1);
      world.say?.(`provider: send ${request.send} ${isAnswered ? 'is answered' : 'has no answer'}`);
    },

    check(taskId: string): Observation {
      const task = tasks.find(({ id }) => id === taskId);
      if (!task || world.now < task.visibleAt) return { kind: 'missing' };
      if (world.now < task.finishAt && !task.isCanceled) return { kind: 'live', status: 'running' };
      return { kind: 'final', outcome: outcomeOf(task) };
    },

    /** As `check`, but for an odd answer now and then: too few to lose a task by. */
    poll(taskId: string): Observation {
      const answer = provider.check(taskId);
      const misses = missed.get(taskId) ?? 0;
      const isOdd = world.isWild && misses < 2 && dice.oneIn(8);
      if (!isOdd && answer.kind !== 'missing') return answer;
      missed.set(taskId, misses + 1);
      return { kind: 'missing' };
    },

    search: (key: string): Task | undefined =>
      tasks.find((task) => task.key === key && task.visibleAt <= world.now),

    cancel(taskId: string): void {
      const task = tasks.find(({ id }) => id === taskId);
      if (task && world.now < task.finishAt) task.isCanceled = true;
    },
  };

  function recognise(key: string): Task | undefined {
    if (repeatSubmit !== 'idempotency-key' && repeatSubmit !== 'unique-reference') return undefined;
    const task = tasks.find((earlier) => earlier.key === key);
    if (!task || repeatSubmit === 'unique-reference') return task;
    return world.now < task.acceptedAt + keyWindowMs + KEY_MARGIN_MS ? task : undefined;
  }

  function refuse(request: Request): void {
    const { send } = request;
    const waitMs = dice.pick([0, seconds(2), seconds(60)]);
    request.answer = dice.oneIn(4)
      ? { type: 'submit-rejected', send, reason: { code: 'refused', message: '' } }
      : { type: 'submit-deferred', send, reason: 'rate_limited', until: world.now + waitMs };
    world.say?.(`provider: ${request.answer.type}`);
    world.seen.add(request.answer.type);
  }

  function accept(request: Request): Task {
    const task: Task = {
      id: `task-${tasks.length + 1}`,
      key: request.key,
      webhookOf: request.webhookOf,
      acceptedAt: world.now,
      visibleAt: world.now + (dice.oneIn(2) ? 0 : dice.below(SEARCH_VISIBLE_MS)),
      // The last is longer than anybody waits.
      finishAt: world.now + dice.pick([...DURATIONS, ...(world.isWild ? [minutes(4)] : [])]),
      verdict: dice.oneIn(4) ? 'failed' : 'completed',
      isCanceled: false,
    };
    if (tasks.some((earlier) => earlier.key === request.key)) {
      world.broken('one attempt was paid for twice');
    }
    if (tasks.length > 0 && situation.rules.onUnknownOutcome === 'fail') {
      world.broken('a second submission was paid without a policy that allows it');
    }
    if (tasks.length > 0 && isNewByRedrive(request.key)) {
      world.broken('a redrive paid for what may have been paid for before');
    }
    tasks.push(task);
    return task;
  }

  return provider;
}

/** The operator's generations have ids of their own; a second attempt is their policy's. */
function isNewByRedrive(key: string): boolean {
  return key.startsWith(REDRIVEN_ID) && key.endsWith('-1');
}

export type ModelProvider = ReturnType<typeof createModelProvider>;
