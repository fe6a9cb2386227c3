import { NotItsTurn } from '../../generation/errors.ts';
import type { EventOf } from '../../generation/events.ts';
import { type Generation, type InState, isFinal } from '../../generation/generation.ts';
import type { OwnHoldReason } from '../../generation/hold-reasons.ts';
import { newSender } from '../../generation/ids.ts';
import type { SubmitJob } from '../../generation/jobs.ts';
import { SEND_MARGIN_MS } from '../../providers/rules.ts';
import type { Submission, SubmissionResult, Trouble } from '../../store/circuit.ts';
import type { Store } from '../../store/store.ts';
import type { OnTurns, Turns } from '../../store/turns.ts';
import { about } from '../engine/report-move.ts';
import type { NotYet } from '../engine/stage.ts';
import { type LearnParts, learnFrom } from '../limits/learn-from-answer.ts';
import { createLine } from './line.ts';
import { prepare } from './prepare.ts';
import { forAll, reasonHeldFor } from './refusal-event.ts';
import { type CircuitParts, reportToCircuit } from './report-to-circuit.ts';
import { type SaveAnswerParts, saveAnswer } from './save-answer.ts';
import { type SendParts, send } from './send.ts';

/** While nothing is left to spend, a submission looks again whether there is after so long at least. */
const CREDIT_LOOK_MS = 10_000;

/** What those are told that wait for an open circuit, by what was met. */
const HOLD_REASONS: Readonly<Record<Trouble, OwnHoldReason>> = {
  failure: 'circuit_open',
  out_of_credit: 'out_of_credit',
  unauthorized: 'unauthorized',
};

export interface SubmitParts extends SendParts, SaveAnswerParts, CircuitParts, LearnParts {
  readonly store: Store;
  readonly turns: Pick<Turns, 'enter' | 'giveBack' | 'oldest'>;
  readonly onTurns: OnTurns;
  /** Those that only look whether they may be sent start so far apart: starts count against the rate. */
  readonly spacingMs: number;
}

/** What a try came to, for its model's circuit; and when it is to be tried again, if it waits. */
interface Attempted {
  readonly result: SubmissionResult;
  readonly notYet?: NotYet | undefined;
}

const IGNORED: Attempted = { result: 'ignored' };

/**
 * Sends one generation to its provider when it has its turn, unless its model's circuit is open or
 * nothing is left to spend: then it waits in place, and its turn is another's.
 * Free steps come first, each saved as it is done. Then the intent is recorded before the call that
 * pays, and the answer straight after it; only the process that recorded the intent may call.
 */
export function createSubmit(parts: SubmitParts): (job: SubmitJob) => Promise<NotYet | undefined> {
  const { store, circuits, limits, now, spacingMs } = parts;
  const creditLine = createLine({ firstMs: CREDIT_LOOK_MS, spacingMs, now });

  return async ({ id, turn }) => {
    const generation = await store.load(id);
    if (generation?.state !== 'queued' && generation?.state !== 'unconfirmed')
      return sendAnother(parts, sendInTurn);
    const notBefore = heldUntil(generation);
    if (notBefore > now()) {
      await parts.turns.giveBack(generation);
      return { notBefore };
    }
    if (generation.state === 'unconfirmed') return submit(generation);
    // Whoever waited for something else has no turn any more, and gets a job when it has.
    const mayHaveTurn = turn !== undefined && !generation.hold;
    if (!mayHaveTurn && !(await parts.turns.enter(generation)))
      return sendAnother(parts, sendInTurn);
    return sendInTurn(generation);
  };

  async function sendInTurn(generation: InState<'queued'>): Promise<NotYet | undefined> {
    try {
      return await submit(generation);
    } catch (error) {
      if (error instanceof NotItsTurn) return enterAgain(parts, generation);
      // Somebody else goes meanwhile: its job is tried again, or waits for a person.
      await parts.turns.giveBack(generation).catch(() => {});
      throw error;
    }
  }

  async function submit(
    generation: InState<'queued' | 'unconfirmed'>,
  ): Promise<NotYet | undefined> {
    // A repeat of what may have been paid costs nothing, and its time is short.
    const isNew = generation.state === 'queued';
    if (isNew && limits.standing() === 'out') {
      return waitInPlace(parts, generation, { reason: 'out_of_credit', until: creditLine() });
    }
    const submission = submissionOf(generation);
    const permit = await circuits.ask(submission);
    if (permit.kind === 'open') {
      const { until, met } = permit;
      return waitInPlace(parts, generation, { reason: HOLD_REASONS[met], until });
    }

    // Also where this fails on our own side: a probe must give its place back.
    let attempted = IGNORED;
    try {
      attempted = await attempt(parts, generation);
    } finally {
      await reportToCircuit(parts, submission, permit, attempted.result);
    }
    return attempted.notYet;
  }
}

/**
 * This start has been counted against the provider's rate, and has nothing of its own to send: so that
 * it is not wasted, somebody goes whose turn it is.
 */
async function sendAnother(
  { turns, store, provider, now }: SubmitParts,
  sendInTurn: (generation: InState<'queued'>) => Promise<unknown>,
): Promise<undefined> {
  const id = await turns.oldest(provider.name);
  const other = id && (await store.load(id));
  if (!other) return;
  if (isFinal(other)) await turns.giveBack(other);
  // If it has to wait, its own job will.
  if (other.state === 'queued' && heldUntil(other) <= now()) await sendInTurn(other);
}

/** Its turn was another's by the time that it was ready. */
async function enterAgain(
  { turns, onTurns }: SubmitParts,
  generation: Generation,
): Promise<undefined> {
  const turn = await turns.enter(generation);
  if (turn) await onTurns([turn]);
}

function heldUntil(generation: Generation): number {
  if (generation.state === 'queued') return generation.hold?.until ?? 0;
  return generation.state === 'unconfirmed' ? generation.resendAt : 0;
}

/** The record says why, and the job stays where it is. */
async function waitInPlace(
  { advance }: SubmitParts,
  generation: Generation,
  why: Pick<EventOf<'held'>, 'reason' | 'until'>,
): Promise<NotYet | undefined> {
  const event = { type: 'held', ...why } as const;
  const held = await advance.one({ id: generation.id, generation, event });
  const isWaiting = held.kind === 'moved' || (held.kind === 'ignored' && held.reason === 'held');
  return isWaiting ? { notBefore: heldUntil(held.generation) } : undefined;
}

function submissionOf({ id, tenant, model, sends, refusals }: Generation): Submission {
  return { id, tenant, model, isFresh: sends === 0 && refusals === 0 };
}

/** Free steps, intent, send, answer. */
async function attempt(
  parts: SubmitParts,
  known: InState<'queued' | 'unconfirmed'>,
): Promise<Attempted> {
  const { advance, now, limits } = parts;
  const prepared = known.state === 'queued' ? await prepare(parts, known) : { ready: known };
  if (!prepared) return IGNORED;
  if ('refused' in prepared) return { result: await saveAnswer(parts, known, prepared.refused) };
  const askedAt = now();
  const event = { type: 'submit-started', sender: newSender() } as const;
  const started = await advance.one({ id: known.id, generation: prepared.ready, event });
  if (started.kind !== 'moved' || started.generation.state !== 'submitting') return IGNORED;

  const { generation } = started;
  if (now() > askedAt + SEND_MARGIN_MS) return { result: await deferUnsent(parts, generation) };
  const sentAt = now();
  const answer = await send(parts, generation, reasonHeldFor(known));
  if (!answer) return IGNORED;
  const usedUpMs = limits.usedUpForMs();
  const holdQueueMs = answer.holdQueueMs ?? (usedUpMs && forAll(usedUpMs));
  const result = await saveAnswer(parts, generation, { ...answer, holdQueueMs });
  await learnFrom(parts, answer, sentAt);
  return { result };
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
