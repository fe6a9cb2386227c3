import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../config/log.ts';
import { type DeferReason, InvalidRequest, Retryable, Terminal } from '../generation/errors.ts';
import type { GenerationEvent } from '../generation/events.ts';
import type { Generation, InState } from '../generation/generation.ts';
import { attemptKey } from '../generation/ids.ts';
import type { SubmitJob } from '../generation/jobs.ts';
import { backoffMs } from '../generation/poll-timing.ts';
import type { Enqueue } from '../producers/enqueue.ts';
import type { ProviderAdapter, SubmitAnswer } from '../providers/provider.ts';
import type { Advance } from './advance.ts';
import type { NotYet } from './run-worker.ts';

/** How long to wait when the provider does not say: first, at most, and whether all must wait. */
const DEFERRALS: Record<DeferReason, { firstMs: number; longestMs: number; holdsQueue: boolean }> =
  {
    rate_limited: { firstMs: 5_000, longestMs: 60_000, holdsQueue: true },
    concurrency_limited: { firstMs: 2_000, longestMs: 30_000, holdsQueue: true },
    out_of_credit: { firstMs: 300_000, longestMs: 300_000, holdsQueue: true },
    unauthorized: { firstMs: 60_000, longestMs: 60_000, holdsQueue: true },
    unavailable: { firstMs: 1_000, longestMs: 300_000, holdsQueue: false },
  };

/** An answer that was paid for is saved at almost any price. */
const SAVE_TRIES = 8;

/**
 * Sends one generation to its provider. The intent is recorded before the call and the answer
 * straight after it; only the process that recorded the intent may call.
 */
export function createSubmit(parts: {
  provider: ProviderAdapter;
  advance: Advance;
  enqueue: Enqueue;
  webhookUrl: (generation: Generation) => string | undefined;
  /** Lets no submission of this provider start for so long, in any process. */
  holdQueue: (ms: number) => Promise<void>;
  now: () => number;
  log: Logger;
}): (job: SubmitJob) => Promise<NotYet | undefined> {
  const { provider, advance, enqueue, now, log } = parts;

  return async ({ id }) => {
    const started = await advance.one({ id, event: { type: 'submit-started' } });
    if (started.kind === 'ignored' && started.reason === 'held') {
      return { notBefore: heldUntil(started.generation) };
    }
    if (started.kind !== 'moved' || started.generation.state !== 'submitting') return undefined;

    const generation = started.generation;
    const answer = await send(generation);
    await save(generation, answer.event);
    if (answer.outcome) {
      const event = { type: 'observed-final', source: 'submit', outcome: answer.outcome } as const;
      await enqueue.completion({ id, event });
    }
    return undefined;
  };

  async function send(
    generation: InState<'submitting'>,
  ): Promise<{ event: GenerationEvent; outcome?: SubmitAnswer['outcome'] }> {
    const startedAt = now();
    const about = { generation: generation.id, provider: provider.name, tenant: generation.tenant };
    try {
      const { task, outcome } = await provider.submit({
        model: generation.model,
        input: generation.input,
        idempotencyKey: attemptKey(generation.id, generation.attempt),
        webhookUrl: parts.webhookUrl(generation),
      });
      log.info({ ...about, durationMs: now() - startedAt }, 'submitted');
      return { event: { type: 'submit-accepted', task }, outcome };
    } catch (error) {
      const event = await refusal(generation, error);
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      const line = { ...about, event: event.type, code, durationMs: now() - startedAt };
      if (code === 'out_of_credit' || code === 'unauthorized') log.error(line, 'provider on hold');
      else log.warn({ ...line, err: error }, 'not submitted');
      return { event };
    }
  }

  /** What we do not recognise may have been accepted: it counts as unknown, never as refused. */
  async function refusal(
    generation: InState<'submitting'>,
    error: unknown,
  ): Promise<GenerationEvent> {
    const send = generation.sends;
    if (error instanceof Retryable) {
      const { firstMs, longestMs, holdsQueue } = DEFERRALS[error.code];
      const tries = generation.refusals + 1;
      const waitMs = error.retryAfterMs ?? backoffMs(tries, firstMs, longestMs, generation.id);
      if (holdsQueue) await parts.holdQueue(waitMs);
      return { type: 'submit-deferred', send, reason: error.code, until: now() + waitMs };
    }
    if (error instanceof Terminal || error instanceof InvalidRequest) {
      const { code, message } = error;
      return { type: 'submit-rejected', send, reason: { code, message } };
    }
    return { type: 'submit-unknown', send };
  }

  async function save(generation: Generation, event: GenerationEvent): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await advance.one({ id: generation.id, generation, event });
        return;
      } catch (err) {
        if (tries === SAVE_TRIES) throw err;
        log.error({ generation: generation.id, event: event.type, err }, 'answer not saved yet');
        await wait(backoffMs(tries, 250, 5_000, generation.id));
      }
    }
  }
}

function heldUntil(generation: Generation): number {
  if (generation.state === 'queued') return generation.hold?.until ?? generation.dueAt;
  return generation.state === 'unconfirmed' ? generation.resendAt : 0;
}
