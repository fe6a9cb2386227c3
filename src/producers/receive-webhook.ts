import { type GenerationEvent, type Observation, observedEvent } from '../generation/events.ts';
import type { GenerationId } from '../generation/ids.ts';
import type { Belief } from '../generation/signed-word.ts';
import type { Mailbox } from '../store/mailbox.ts';
import type { Enqueue } from './enqueue.ts';

/** A delivery whose URL token, and signature where there is one, has been verified. */
export interface VerifiedDelivery {
  readonly provider: string;
  /** Absent when the provider has one endpoint for the account: the task says whose it is. */
  readonly attempt?: { readonly id: GenerationId; readonly attempt: number };
  readonly taskId: string;
  /** Undefined: it could not be understood, and only says that it is time to look. */
  readonly observation: Observation | undefined;
  /** How far the end that it tells decides. */
  readonly belief: Belief;
}

/**
 * Puts a delivery where the outcome is decided. It is in Redis when this resolves, and the provider
 * may be answered 200. A second delivery of the same fact changes nothing: the state machine passes
 * over it. `parked`: nobody knows the task (yet).
 */
export type ReceiveWebhook = (delivery: VerifiedDelivery) => Promise<'queued' | 'parked'>;

export function createReceiveWebhook(enqueue: Enqueue, mailbox: Mailbox): ReceiveWebhook {
  return async (delivery) => {
    const event = eventOf(delivery);
    const { provider, taskId } = delivery;
    const id = delivery.attempt?.id ?? (await mailbox.match(provider, taskId, event));
    if (id === undefined) return 'parked';
    await enqueue.completion({ id, event });
    return 'queued';
  };
}

function eventOf(delivery: VerifiedDelivery): GenerationEvent {
  const { taskId, observation, belief } = delivery;
  const about = { taskId, ...(delivery.attempt && { attempt: delivery.attempt.attempt }) };
  if (!observation) return { type: 'hint', ...about };
  if (observation.kind === 'final' && belief !== 'always') {
    const { outcome, charge } = observation;
    const said = { outcome, ...(charge && { charge }) };
    return { type: 'hint', ...about, ...(belief === 'if-checks-fail' && { said }) };
  }
  return observedEvent(observation, 'webhook', about);
}
