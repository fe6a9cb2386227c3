import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../config/log.ts';
import { Defect, Retryable } from '../generation/errors.ts';
import type { GenerationEvent } from '../generation/events.ts';
import type { Generation, InState } from '../generation/generation.ts';
import type { SubmitJob } from '../generation/jobs.ts';
import { backoffMs } from '../generation/poll-timing.ts';
import type { Store } from '../generation/store.ts';
import type { Enqueue } from '../producers/enqueue.ts';
import type { ProviderAdapter, SubmitAnswer } from '../providers/provider.ts';
import type { Advance } from './advance.ts';
import { type Refusal, refusalEvent } from './refusal-event.ts';
import { SEND_MARGIN_MS } from './rules.ts';
import type { NotYet } from './run-worker.ts';
import { submitRequest } from './submit-request.ts';

/** No provider wants more free steps than this before a submission. */
const MOST_STEPS = 20;
/** An answer that was paid for is saved at almost any price. */
const SAVE_TRIES = 8;

/** What a send brought; with the outcome as well where the provider answers at once. */
interface Answer extends Refusal {
  readonly outcome?: SubmitAnswer['outcome'];
}

export interface SubmitParts {
  readonly provider: ProviderAdapter;
  readonly store: Store;
  readonly advance: Advance;
  readonly enqueue: Enqueue;
  readonly webhookUrl: (generation: Generation) => string | undefined;
  /** Lets no submission of this provider start for so long, in any process. */
  readonly holdQueue: (ms: number) => Promise<void>;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Sends one generation to its provider. Free steps come first, each saved as it is done. Then the
 * intent is recorded before the call that pays, and the answer straight after it; only the process
 * that recorded the intent may call.
 */
export function createSubmit(parts: SubmitParts): (job: SubmitJob) => Promise<NotYet | undefined> {
  const { provider, store, advance, enqueue, now, log } = parts;

  return async ({ id }) => {
    if (provider.prepare) {
      const generation = await store.load(id);
      if (generation?.state === 'queued' && !(await prepareAll(generation))) return undefined;
    }
    const askedAt = now();
    const started = await advance.one({ id, event: { type: 'submit-started' } });
    if (started.kind === 'ignored' && started.reason === 'held') {
      return { notBefore: heldUntil(started.generation) };
    }
    if (started.kind !== 'moved' || started.generation.state !== 'submitting') return undefined;

    const generation = started.generation;
    const answer: Answer =
      now() > askedAt + SEND_MARGIN_MS ? tooLate(generation) : await send(generation);
    await save(generation, answer.event);
    if (answer.holdQueueMs !== undefined) await parts.holdQueue(answer.holdQueueMs);
    if (answer.outcome) {
      const event = { type: 'observed-final', source: 'submit', outcome: answer.outcome } as const;
      await enqueue.completion({ id, event });
    }
    return undefined;
  };

  /** @returns whether everything that must come before the submission is done. */
  async function prepareAll(queued: InState<'queued'>): Promise<boolean> {
    // A hold is answered where sending starts.
    if (queued.hold && queued.hold.until > now()) return true;
    let generation: Generation = queued;
    for (let steps = 0; ; steps++) {
      try {
        const step = await provider.prepare?.(submitRequest(generation, undefined));
        if (!step) return true;
        if (generation.state === 'queued' && step.prepared !== generation.prepared) {
          const event = { type: 'prepared', data: step.prepared } as const;
          const saved = await advance.one({ id: generation.id, generation, event });
          if (saved.kind !== 'moved') return false;
          generation = saved.generation;
        }
        if (step.done) return true;
        if (steps === MOST_STEPS) throw new Defect(`${provider.name} prepares without an end.`);
      } catch (error) {
        const { event, holdQueueMs } = refused(generation, error, now());
        await save(generation, event);
        if (holdQueueMs !== undefined) await parts.holdQueue(holdQueueMs);
        return false;
      }
    }
  }

  /**
   * Its send may soon count as lost, and be searched for before it has left. Nothing has left yet,
   * so it is sent again as after any other "not now".
   */
  function tooLate(generation: InState<'submitting'>): Answer {
    log.warn(about(generation), 'held up before the submission; not sent');
    const { sends: send } = generation;
    const event = { type: 'submit-deferred', send, reason: 'unavailable', until: now() } as const;
    return { event, holdQueueMs: undefined };
  }

  async function send(generation: InState<'submitting'>): Promise<Answer> {
    const startedAt = now();
    try {
      const request = submitRequest(generation, parts.webhookUrl(generation));
      const { task, outcome } = await provider.submit(request);
      log.info({ ...about(generation), durationMs: now() - startedAt }, 'submitted');
      return { event: { type: 'submit-accepted', task }, holdQueueMs: undefined, outcome };
    } catch (error) {
      return refused(generation, error, startedAt);
    }
  }

  function refused(generation: Generation, error: unknown, startedAt: number): Refusal {
    const refusal = refusalEvent(generation, error, now());
    const { event } = refusal;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const line = { ...about(generation), event: event.type, code, durationMs: now() - startedAt };
    const needsPerson =
      error instanceof Retryable &&
      (error.code === 'out_of_credit' || error.code === 'unauthorized');
    if (needsPerson) log.error(line, 'provider on hold');
    else log.warn({ ...line, err: error }, 'not submitted');
    return refusal;
  }

  async function save(generation: Generation, event: GenerationEvent): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await advance.one({ id: generation.id, generation, event });
        return;
      } catch (err) {
        if (tries === SAVE_TRIES) throw err;
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
  if (generation.state === 'queued') return generation.hold?.until ?? generation.dueAt;
  return generation.state === 'unconfirmed' ? generation.resendAt : 0;
}
