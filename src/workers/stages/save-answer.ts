import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../../config/log.ts';
import { isRedisBusy } from '../../config/redis-errors.ts';
import type { GenerationEvent } from '../../generation/events.ts';
import type { Generation } from '../../generation/generation.ts';
import { backoffMs } from '../../generation/poll-timing.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { SubmissionResult } from '../../store/circuit.ts';
import type { Advance } from '../engine/advance.ts';
import { about } from '../engine/report-move.ts';
import type { Answer } from './send.ts';

/**
 * An answer that was paid for is saved at almost any price: so often if something is broken, and for
 * as long as it takes while Redis is only busy.
 */
const SAVE_TRIES = 8;

export interface SaveAnswerParts {
  readonly advance: Advance;
  readonly enqueue: Enqueue;
  /** Lets no submission of this provider start for so long, in any process. */
  readonly holdQueue: (ms: number) => Promise<void>;
  readonly log: Logger;
}

/**
 * Saves what a try at submitting came to; then holds the provider's queue if it asked for that, and
 * passes on the outcome if it came with the answer.
 * @returns what it says of the provider, for its model's circuit.
 */
export async function saveAnswer(
  parts: SaveAnswerParts,
  generation: Generation,
  answer: Answer,
): Promise<SubmissionResult> {
  const { event, holdQueueMs, outcome, result } = answer;
  await save(parts, generation, event);
  if (holdQueueMs !== undefined) await parts.holdQueue(holdQueueMs);
  if (outcome) {
    const event = { type: 'observed-final', source: 'submit', outcome } as const;
    await parts.enqueue.completion({ id: generation.id, event });
  }
  return result;
}

async function save(
  { advance, log }: SaveAnswerParts,
  generation: Generation,
  event: GenerationEvent,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await advance.one({ id: generation.id, generation, event });
      return;
    } catch (err) {
      if (tries >= SAVE_TRIES && !isRedisBusy(err)) throw err;
      log.error({ ...about(generation), event: event.type, err }, 'answer not saved yet');
      await wait(backoffMs(tries, 250, 5_000, generation.id));
    }
  }
}
