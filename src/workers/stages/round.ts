import type { Logger } from '../../config/log.ts';
import { ROUND_SIZE } from '../../config/queues.ts';
import { Defect, Retryable } from '../../generation/errors.ts';
import { type GenerationEvent, observedEvent } from '../../generation/events.ts';
import type { Generation, InState } from '../../generation/generation.ts';
import type { Rounds } from '../../producers/rounds.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Schedule } from '../../store/schedule.ts';
import type { Advance } from '../engine/advance.ts';

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
    await Promise.all(due.map(deal));
    return undefined;
  };

  async function deal(generation: Generation): Promise<void> {
    const event = generation.state === 'submitted' ? await poll(generation) : OVERDUE;
    if (!event) return;
    try {
      await advance.one({ id: generation.id, generation, event });
    } catch (err) {
      // The lease runs out and another round takes it again; the others of this one go on.
      log.error({ generation: generation.id, provider: provider.name, err }, 'not dealt with');
    }
  }

  /** @returns undefined when the lease is to run out: this process stops, which says nothing. */
  async function poll(generation: InState<'submitted'>): Promise<GenerationEvent | undefined> {
    const { learned, charge } = generation;
    if (learned) return { type: 'observed-final', source: 'submit', outcome: learned, charge };
    const askedAt = now();
    try {
      const observation = await provider.check(generation.task, { model: generation.model });
      return observedEvent(observation, 'poll', { taskId: generation.task.id, askedAt });
    } catch (err) {
      if (shutdownSignal.aborted) return undefined;
      const line = { generation: generation.id, provider: provider.name, err };
      if (err instanceof Defect) log.error(line, 'poll not understood');
      else log.warn(line, 'poll without answer');
      const retryAfterMs = err instanceof Retryable ? err.retryAfterMs : undefined;
      return { type: 'poll-failed', ...(retryAfterMs !== undefined && { retryAfterMs }) };
    }
  }
}

const OVERDUE: GenerationEvent = { type: 'overdue' };
