import { setTimeout as wait } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { Logger } from '../../config/log.ts';
import { isRedisBusy } from '../../config/redis-errors.ts';
import { Defect, OutcomeUnknown, Retryable } from '../../generation/errors.ts';
import type { GenerationEvent } from '../../generation/events.ts';
import type { Generation, InState } from '../../generation/generation.ts';
import type { SubmitJob } from '../../generation/jobs.ts';
import { backoffMs } from '../../generation/poll-timing.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import { AdapterDefect } from '../../providers/adapter-defect.ts';
import type { ProviderAdapter, SubmitAnswer } from '../../providers/provider.ts';
import { SEND_MARGIN_MS } from '../../providers/rules.ts';
import type { Circuits, Granted, SubmissionResult } from '../../store/circuit.ts';
import type { Store } from '../../store/store.ts';
import type { Advance } from '../engine/advance.ts';
import type { NotYet } from '../engine/run-worker.ts';
import { createPrepare } from './prepare.ts';
import { reasonHeldFor, refusalEvent, type Trouble } from './refusal-event.ts';
import { resultOf, type SubmissionEnd } from './submission-result.ts';
import { submitRequest } from './submit-request.ts';

/** The reason of a hold that is our own choice. */
const CIRCUIT_OPEN = 'circuit_open';
/**
 * An answer that was paid for is saved at almost any price: so often if something is broken, and for
 * as long as it takes while Redis is only busy.
 */
const SAVE_TRIES = 8;

/** What a send brought; with the outcome as well where the provider answers at once. */
interface Answer extends SubmissionEnd {
  readonly outcome?: SubmitAnswer['outcome'];
}

export interface SubmitParts {
  readonly provider: ProviderAdapter;
  readonly store: Store;
  readonly advance: Advance;
  readonly circuits: Circuits;
  readonly enqueue: Enqueue;
  readonly webhookUrl: (generation: Generation) => string | undefined;
  /** Lets no submission of this provider start for so long, in any process. */
  readonly holdQueue: (ms: number) => Promise<void>;
  /** Ends when this process, which was told to stop, waits for no answer any longer. */
  readonly shutdownSignal: AbortSignal;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Sends one generation to its provider, unless its model's circuit is open: then it waits in place.
 * Free steps come first, each saved as it is done. Then the intent is recorded before the call that
 * pays, and the answer straight after it; only the process that recorded the intent may call.
 */
export function createSubmit(parts: SubmitParts): (job: SubmitJob) => Promise<NotYet | undefined> {
  const { provider, store, advance, circuits, enqueue, now, log } = parts;

  const prepare = createPrepare({ provider, advance, refused, now });

  return async ({ id }) => {
    const generation = await store.load(id);
    if (generation?.state !== 'queued' && generation?.state !== 'unconfirmed') return undefined;
    const notBefore = heldUntil(generation);
    if (notBefore > now()) return { notBefore };
    const permit = await circuits.ask(generation.model);
    if (permit.kind === 'open') return waitInPlace(generation, permit.until);

    // Also where this fails on our own side: a probe must give its place back.
    let result: SubmissionResult = 'ignored';
    try {
      result = await attempt(generation);
    } finally {
      await report(generation.model, permit, result);
    }
    return undefined;
  };

  async function attempt(known: InState<'queued' | 'unconfirmed'>): Promise<SubmissionResult> {
    const prepared = known.state === 'queued' ? await prepare(known) : { ready: known };
    if (!prepared) return 'ignored';
    if ('refused' in prepared) return conclude(known, prepared.refused);
    const askedAt = now();
    const event = { type: 'submit-started', sender: ulid() } as const;
    const started = await advance.one({ id: known.id, generation: prepared.ready, event });
    if (started.kind !== 'moved' || started.generation.state !== 'submitting') return 'ignored';

    const { generation } = started;
    if (now() > askedAt + SEND_MARGIN_MS) return tooLate(generation);
    const answer = await send(generation, reasonHeldFor(known));
    return answer ? conclude(generation, answer) : 'ignored';
  }

  async function conclude(generation: Generation, answer: Answer): Promise<SubmissionResult> {
    const { event, holdQueueMs, outcome, result } = answer;
    await save(generation, event);
    if (holdQueueMs !== undefined) await parts.holdQueue(holdQueueMs);
    if (outcome) {
      const event = { type: 'observed-final', source: 'submit', outcome } as const;
      await enqueue.completion({ id: generation.id, event });
    }
    return result;
  }

  /** Its circuit is open. The record says so, and the job stays where it is. */
  async function waitInPlace(generation: Generation, until: number): Promise<NotYet | undefined> {
    const event = { type: 'held', reason: CIRCUIT_OPEN, until } as const;
    const held = await advance.one({ id: generation.id, generation, event });
    const isWaiting = held.kind === 'moved' || (held.kind === 'ignored' && held.reason === 'held');
    return isWaiting ? { notBefore: heldUntil(held.generation) } : undefined;
  }

  /** Never fails: the circuit only spares submissions, and what it is told about has been saved. */
  async function report(model: string, permit: Granted, result: SubmissionResult): Promise<void> {
    const line = { provider: provider.name, model };
    try {
      const news = await circuits.report(model, permit, result);
      if (news === 'closed') log.info(line, 'circuit closed: submissions go on');
      else if (news) log.error({ ...line, ...news }, 'circuit open: submissions wait');
    } catch (err) {
      log.warn({ ...line, err }, 'circuit not informed');
    }
  }

  /**
   * Its send may soon count as lost, and be searched for before it has left. Nothing has left yet,
   * so it is sent again as after any other "not now".
   */
  async function tooLate(generation: InState<'submitting'>): Promise<SubmissionResult> {
    log.warn(about(generation), 'held up before the submission; not sent');
    const { sends: send } = generation;
    await save(generation, {
      type: 'submit-deferred',
      send,
      reason: 'unavailable',
      until: now(),
    });
    return 'ignored';
  }

  /** @returns undefined when the schedule is to find that no answer came. */
  async function send(
    generation: InState<'submitting'>,
    lastReason: string | undefined,
  ): Promise<Answer | undefined> {
    const startedAt = now();
    try {
      const request = submitRequest(generation, parts.webhookUrl(generation));
      const { task, outcome } = await provider.submit(request);
      log.info({ ...about(generation), durationMs: now() - startedAt }, 'submitted');
      const event = { type: 'submit-accepted', task } as const;
      return { event, holdQueueMs: undefined, result: 'success', outcome };
    } catch (error) {
      if (isTooSoonToSearch(error)) return undefined;
      if (error instanceof AdapterDefect && error.task) {
        // Whatever else of the answer was not understood, the task was: it can be polled.
        log.error({ ...about(generation), err: error }, 'answer understood in part');
        const event = { type: 'submit-accepted', task: error.task } as const;
        return { event, holdQueueMs: undefined, result: 'success' };
      }
      return refused({ generation, lastReason, error }, startedAt);
    }
  }

  /**
   * A search shortly after a call that was given up early may not show it yet, and its absence would
   * be believed. Keys and references bear a repeat at any time; without either there is none.
   */
  function isTooSoonToSearch(error: unknown): boolean {
    const isGivenUp = parts.shutdownSignal.aborted && error instanceof OutcomeUnknown;
    return isGivenUp && provider.repeatSubmit.kind === 'search';
  }

  function refused(trouble: Trouble, startedAt: number): SubmissionEnd {
    const { generation, error } = trouble;
    const refusal = refusalEvent(trouble, now());
    const { event } = refusal;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const line = { ...about(generation), event: event.type, code, durationMs: now() - startedAt };
    const needsPerson =
      error instanceof Retryable &&
      (error.code === 'out_of_credit' || error.code === 'unauthorized');
    if (needsPerson) log.error(line, 'provider on hold');
    else if (error instanceof Defect) log.error({ ...line, err: error }, 'not understood');
    else log.warn({ ...line, err: error }, 'not submitted');
    return { ...refusal, result: resultOf(error, parts.shutdownSignal.aborted) };
  }

  async function save(generation: Generation, event: GenerationEvent): Promise<void> {
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

  function about(generation: Generation) {
    return { generation: generation.id, provider: provider.name, tenant: generation.tenant };
  }
}

function heldUntil(generation: Generation): number {
  if (generation.state === 'queued') return generation.hold?.until ?? 0;
  return generation.state === 'unconfirmed' ? generation.resendAt : 0;
}
