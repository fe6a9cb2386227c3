import { type Logger, onceInAWhile } from '../../config/log.ts';
import { ROUND_SIZE } from '../../config/queues.ts';
import { Defect, Retryable } from '../../generation/errors.ts';
import { type GenerationEvent, observedEvent } from '../../generation/events.ts';
import type { Generation, InState } from '../../generation/generation.ts';
import { type Checkable, isLastCheckDue } from '../../generation/late-result.ts';
import type { Rounds } from '../../producers/rounds.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Schedule } from '../../store/schedule.ts';
import type { Advance } from '../engine/advance.ts';
import { createMissingWatch } from './missing-watch.ts';

/**
 * One round: takes every generation of a provider that is due, under a lease, and deals with each
 * side by side. A submitted one is polled. Any other is overdue for something else, and its state's
 * effects are issued again.
 */
export function createRound(parts: {
  provider: ProviderAdapter;
  leaseMs: number;
  schedule: Schedule;
  rounds: Rounds;
  advance: Advance;
  /** Ends when this process, which was told to stop, waits for no answer any longer. */
  shutdownSignal: AbortSignal;
  now: () => number;
  log: Logger;
}): () => Promise<undefined> {
  const { provider, leaseMs, schedule, rounds, advance, shutdownSignal, now, log } = parts;
  const { pollsPerSecond } = provider.limits;
  const missing = createMissingWatch(now);
  const sayOutage = onceInAWhile((err) =>
    log.error({ provider: provider.name, ...missing.lately(), err }, 'checks count as unanswered'),
  );

  return async () => {
    const startedAt = now();
    const { due, nextAt, unreadable, newer } = await schedule.takeDue(provider.name, {
      now: startedAt,
      leaseMs,
      most: ROUND_SIZE,
      pollsPerSecond,
    });
    if (unreadable > 0) log.error({ provider: provider.name, unreadable }, 'unreadable records');
    if (newer > 0) log.warn({ provider: provider.name, newer }, 'records left to newer processes');
    // What is under a lease only is left to the tick: a crash is the exception.
    if (nextAt !== undefined && nextAt < startedAt + leaseMs) {
      await rounds.ensure(provider.name, Math.max(nextAt, startedAt + 1));
    }
    const asked = due.map(ask);
    // Whether a task is missing is judged when the others of the round have been asked about too.
    const all = Promise.all(asked);
    await Promise.all(asked.map(async (one) => deal(await one, all)));
    return undefined;
  };

  /** @returns undefined when the lease is to run out: this process stops, which says nothing. */
  async function ask(generation: Generation): Promise<Asked | undefined> {
    const event = await turnOf(generation);
    return event && { generation, event };
  }

  async function turnOf(generation: Generation): Promise<GenerationEvent | undefined> {
    if (generation.state === 'submitted') return learnedBefore(generation) ?? poll(generation);
    return isLastCheckDue(generation, now()) ? poll(generation) : OVERDUE;
  }

  async function deal(asked: Asked | undefined, all: Promise<unknown>): Promise<void> {
    if (!asked) return;
    const { generation } = asked;
    let { event } = asked;
    if (event.type === 'observed-missing') {
      await all;
      if (missing.isOutage()) event = noAnswer();
    }
    try {
      await advance.one({ id: generation.id, generation, event });
    } catch (err) {
      // The lease runs out and another round takes it again; the others of this one go on.
      log.error({ generation: generation.id, provider: provider.name, err }, 'not dealt with');
    }
  }

  /** A provider that knows hardly any task says nothing about any: nobody has answered. */
  function noAnswer(): GenerationEvent {
    sayOutage(new Error(UNKNOWN_TO_PROVIDER));
    return { type: 'poll-failed' };
  }

  async function poll({
    id,
    task,
    model,
  }: InState<'submitted'> | Checkable): Promise<GenerationEvent | undefined> {
    const askedAt = now();
    try {
      const observation = await provider.check(task, { model });
      missing.answered(task.id, observation.kind === 'missing');
      return observedEvent(observation, 'poll', { taskId: task.id, askedAt });
    } catch (err) {
      if (shutdownSignal.aborted) return undefined;
      const line = { generation: id, provider: provider.name, err };
      if (err instanceof Defect) log.error(line, 'poll not understood');
      else log.warn(line, 'poll without answer');
      const retryAfterMs = err instanceof Retryable ? err.retryAfterMs : undefined;
      return { type: 'poll-failed', ...(retryAfterMs !== undefined && { retryAfterMs }) };
    }
  }
}

/** The outcome came with the acceptance, and whoever learned it has gone. */
function learnedBefore({ learned, charge }: InState<'submitted'>): GenerationEvent | undefined {
  return learned && { type: 'observed-final', source: 'submit', outcome: learned, charge };
}

/** What a generation's turn brought. */
interface Asked {
  readonly generation: Generation;
  readonly event: GenerationEvent;
}

const UNKNOWN_TO_PROVIDER =
  'The provider knows hardly any of our tasks: a wrong base URL or path, another account’s key, ' +
  'or the provider is down. No task counts as lost meanwhile.';

const OVERDUE: GenerationEvent = { type: 'overdue' };
