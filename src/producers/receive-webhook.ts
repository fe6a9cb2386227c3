import { type Observation, observedEvent } from '../generation/events.ts';
import type { GenerationId } from '../generation/ids.ts';
import type { Enqueue } from './enqueue.ts';

/** A delivery whose URL token, and signature where there is one, has been verified. */
export interface VerifiedDelivery {
  readonly generationId: GenerationId;
  readonly taskId: string;
  readonly observation: Observation;
  /** Whether the body is believed, or only says that it is time to look. */
  readonly believed: boolean;
}

export type ReceiveWebhook = (delivery: VerifiedDelivery) => Promise<void>;

/**
 * Puts a delivery where the outcome is decided. It is in Redis when this resolves, and the provider
 * may be answered 200. A second delivery of the same fact changes nothing: the state machine
 * passes over it.
 */
export function createReceiveWebhook(enqueue: Enqueue): ReceiveWebhook {
  return ({ generationId: id, taskId, observation, believed }) => {
    if (observation.kind === 'final' && !believed) {
      return enqueue.completion({ id, event: { type: 'hint', taskId } });
    }
    return enqueue.completion({ id, event: observedEvent(observation, 'webhook', { taskId }) });
  };
}
