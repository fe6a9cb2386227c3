import type { Generation, InState } from '../../generation/generation.ts';
import { newSender } from '../../generation/ids.ts';
import type { SubmitJob } from '../../generation/jobs.ts';
import { SEND_MARGIN_MS } from '../../providers/rules.ts';
import type { SubmissionResult } from '../../store/circuit.ts';
import type { Store } from '../../store/store.ts';
import { about } from '../engine/report-move.ts';
import type { NotYet } from '../engine/stage.ts';
import { prepare } from './prepare.ts';
import { reasonHeldFor } from './refusal-event.ts';
import { type CircuitParts, reportToCircuit } from './report-to-circuit.ts';
import { type SaveAnswerParts, saveAnswer } from './save-answer.ts';
import { type SendParts, send } from './send.ts';

/** The reason of a hold that is our own choice. */
const CIRCUIT_OPEN = 'circuit_open';

export interface SubmitParts extends SendParts, SaveAnswerParts, CircuitParts {
  readonly store: Store;
}

/**
 * Sends one generation to its provider, unless its model's circuit is open: then it waits in place.
 * Free steps come first, each saved as it is done. Then the intent is recorded before the call that
 * pays, and the answer straight after it; only the process that recorded the intent may call.
 */
export function createSubmit(parts: SubmitParts): (job: SubmitJob) => Promise<NotYet | undefined> {
  const { store, circuits, now } = parts;

  return async ({ id }) => {
    const generation = await store.load(id);
    if (generation?.state !== 'queued' && generation?.state !== 'unconfirmed') return undefined;
    const notBefore = heldUntil(generation);
    if (notBefore > now()) return { notBefore };
    const permit = await circuits.ask(generation.model);
    if (permit.kind === 'open') return waitInPlace(parts, generation, permit.until);

    // Also where this fails on our own side: a probe must give its place back.
    let result: SubmissionResult = 'ignored';
    try {
      result = await attempt(parts, generation);
    } finally {
      await reportToCircuit(parts, generation.model, permit, result);
    }
    return undefined;
  };
}

function heldUntil(generation: Generation): number {
  if (generation.state === 'queued') return generation.hold?.until ?? 0;
  return generation.state === 'unconfirmed' ? generation.resendAt : 0;
}

/** Its circuit is open. The record says so, and the job stays where it is. */
async function waitInPlace(
  { advance }: SubmitParts,
  generation: Generation,
  until: number,
): Promise<NotYet | undefined> {
  const event = { type: 'held', reason: CIRCUIT_OPEN, until } as const;
  const held = await advance.one({ id: generation.id, generation, event });
  const isWaiting = held.kind === 'moved' || (held.kind === 'ignored' && held.reason === 'held');
  return isWaiting ? { notBefore: heldUntil(held.generation) } : undefined;
}

/** Free steps, intent, send, answer. */
async function attempt(
  parts: SubmitParts,
  known: InState<'queued' | 'unconfirmed'>,
): Promise<SubmissionResult> {
  const { advance, now } = parts;
  const prepared = known.state === 'queued' ? await prepare(parts, known) : { ready: known };
  if (!prepared) return 'ignored';
  if ('refused' in prepared) return saveAnswer(parts, known, prepared.refused);
  const askedAt = now();
  const event = { type: 'submit-started', sender: newSender() } as const;
  const started = await advance.one({ id: known.id, generation: prepared.ready, event });
  if (started.kind !== 'moved' || started.generation.state !== 'submitting') return 'ignored';

  const { generation } = started;
  if (now() > askedAt + SEND_MARGIN_MS) return deferUnsent(parts, generation);
  const answer = await send(parts, generation, reasonHeldFor(known));
  return answer ? saveAnswer(parts, generation, answer) : 'ignored';
}

/**
 * Its send may soon count as lost, and be searched for before it has left. Nothing has left yet, so
 * it is sent again as after any other "not now".
 */
function deferUnsent(
  parts: SubmitParts,
  generation: InState<'submitting'>,
): Promise<SubmissionResult> {
  const { now, log } = parts;
  log.warn(about(generation), 'held up before the submission; not sent');
  const event = {
    type: 'submit-deferred',
    send: generation.sends,
    reason: 'unavailable',
    until: now(),
  } as const;
  return saveAnswer(parts, generation, { event, holdQueueMs: undefined, result: 'ignored' });
}
