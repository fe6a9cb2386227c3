import type { Logger } from '../../config/log.ts';
import { ROUND_SIZE } from '../../config/queues.ts';
import type { GenerationEvent } from '../../generation/events.ts';
import type { Generation, InState } from '../../generation/generation.ts';
import { isLastCheckDue } from '../../generation/late-result.ts';
import type { Rounds } from '../../producers/rounds.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Schedule } from '../../store/schedule.ts';
import type { Advance } from '../engine/advance.ts';
import { createTaskChecks } from './task-checks.ts';

/**
 * One round: takes every generation of a provider that is due, under a lease, and deals with each
 * side by side. A submitted one is polled, and so is one that owes its last check. Any other is
 * overdue for something else, and its state's effects are issued again.
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
  const { provider, leaseMs, schedule, rounds, advance, now, log } = parts;
  const { pollsPerSecond } = provider.limits;
  const checks = createTaskChecks(parts);

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

  async function ask(generation: Generation): Promise<Asked> {
    return { generation, event: await turnOf(generation) };
  }

  async function turnOf(generation: Generation): Promise<GenerationEvent | undefined> {
    if (generation.state === 'submitted') {
      return learnedBefore(generation) ?? checks.check(generation);
    }
    return isLastCheckDue(generation, now()) ? checks.check(generation) : OVERDUE;
  }

  async function deal({ generation, event }: Asked, all: Promise<unknown>): Promise<void> {
    if (!event) return;
    if (event.type === 'observed-missing') await all;
    try {
      await advance.one({ id: generation.id, generation, event: checks.amongOthers(event) });
    } catch (err) {
      // The lease runs out and another round takes it again; the others of this one go on.
      log.error({ generation: generation.id, provider: provider.name, err }, 'not dealt with');
    }
  }
}

/** The outcome came with the acceptance, and whoever learned it has gone. */
function learnedBefore({ learned, charge }: InState<'submitted'>): GenerationEvent | undefined {
  return learned && { type: 'observed-final', source: 'submit', outcome: learned, charge };
}

/** What a generation's turn brought; nothing when its lease is to run out. */
interface Asked {
  readonly generation: Generation;
  readonly event: GenerationEvent | undefined;
}

const OVERDUE: GenerationEvent = { type: 'overdue' };
