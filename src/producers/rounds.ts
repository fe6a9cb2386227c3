import { queueNames, ROUND_SLOT_MS } from '../config/queues.ts';
import type { RoundJob } from '../generation/jobs.ts';
import type { QueueSet } from './queue-set.ts';

export interface Rounds {
  /**
   * Makes sure that a round runs at or just after `at` (Unix ms). Asking again is free: slots that
   * this process has made sure of are remembered, and a job of that slot exists only once.
   */
  ensure(provider: string, at: number): Promise<void>;
}

const DATA: RoundJob = { v: 1 };

/**
 * Adds the delayed jobs that run rounds. A slot's round runs at the slot's end, so that everything
 * due in it is due by then. If a round is lost all the same, a worker's tick adds another.
 */
export function createRounds(queues: QueueSet, now: () => number): Rounds {
  const ensured = new Map<string, Set<number>>();
  let immediate = 0;

  return {
    async ensure(provider, at) {
      const queue = queues.get(queueNames.poll(provider));
      const nowMs = now();
      if (at <= nowMs) {
        // Never shares an id with a round that is running and may have looked already.
        const jobId = `round-now-${nowMs}-${process.pid}-${immediate++}`;
        await queue.add('round', DATA, { jobId });
        return;
      }

      const slot = Math.ceil(at / ROUND_SLOT_MS);
      const slots = ensured.get(provider) ?? new Set();
      ensured.set(provider, slots);
      if (slots.has(slot)) return;
      for (const past of slots) if (past * ROUND_SLOT_MS < nowMs) slots.delete(past);
      slots.add(slot);
      try {
        const delay = Math.max(slot * ROUND_SLOT_MS - nowMs, 0);
        await queue.add('round', DATA, { jobId: `round-${slot}`, delay });
      } catch (error) {
        slots.delete(slot);
        throw error;
      }
    },
  };
}
