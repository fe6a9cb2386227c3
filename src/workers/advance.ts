import type { Logger } from '../config/log.ts';
import { coalesce } from '../generation/coalesce.ts';
import { completionEvent } from '../generation/completion-event.ts';
import { CatwalkError } from '../generation/errors.ts';
import type { GenerationEvent } from '../generation/events.ts';
import { type FinalGeneration, type Generation, isFinal } from '../generation/generation.ts';
import type { CompletionItem } from '../generation/jobs.ts';
import type { Rules } from '../generation/rules.ts';
import { decide, type Effect } from '../generation/state-machine.ts';
import type { Store } from '../generation/store.ts';
import { CALLBACK, type Subscribers } from '../generation/subscribers.ts';
import type { Enqueue } from '../producers/enqueue.ts';
import type { Rounds } from '../producers/rounds.ts';

/** Something that happened to a generation, with the record where it has been read already. */
export interface Step {
  readonly id: Generation['id'];
  readonly event: GenerationEvent;
  readonly generation?: Generation;
}

export type Advanced =
  | { kind: 'moved'; generation: Generation }
  | { kind: 'ignored'; reason: string; generation: Generation }
  /** It would end the generation, so `completions` will decide it. */
  | { kind: 'forwarded' }
  | { kind: 'unknown-generation' }
  | { kind: 'failed'; error: unknown };

export interface Advance {
  /** One step; those of one turn of the event loop share their round trips. */
  one(step: Step): Promise<Advanced>;
  /** Many steps in a few round trips, in their order. Only `completions` may finish. */
  all(steps: readonly Step[], may: { finish: boolean }): Promise<Advanced[]>;
}

export interface AdvanceParts {
  readonly store: Store;
  readonly enqueue: Enqueue;
  readonly rounds: Rounds;
  readonly subscribers: Subscribers;
  /** @throws NotKnownHere when the provider or model is not known to this process. */
  readonly rulesFor: (generation: Generation) => Rules;
  readonly now: () => number;
  readonly log: Logger;
}

/** What a move asks for; `again` when it was asked for before. */
interface Moved {
  /** Of its step. */
  readonly index: number;
  readonly generation: Generation;
  readonly effects: readonly Effect[];
  readonly again: boolean;
}

/**
 * Load → state machine → compare-and-set → effects. Every stage ends here. Whoever loses the
 * compare-and-set decides again on the record that won; an effect whose job could not be added
 * fails its own step, and the schedule issues it again in time.
 */
export function createAdvance(parts: AdvanceParts): Advance {
  const { store, enqueue, rounds, subscribers, rulesFor, now, log } = parts;

  async function all(steps: readonly Step[], may: { finish: boolean }): Promise<Advanced[]> {
    const results: Advanced[] = steps.map(() => ({ kind: 'unknown-generation' }));
    const moved: Moved[] = [];
    const forwarded: Promise<void>[] = [];
    const fail = (index: number, error: unknown): void => {
      results[index] = { kind: 'failed', error };
    };
    // Caught at once: if a save fails first, nobody waits for these any more.
    const forward = (index: number, item: CompletionItem): void => {
      forwarded.push(enqueue.completion(item).catch((error: unknown) => fail(index, error)));
    };
    let pending = await read(steps, results);

    while (pending.length > 0) {
      const moves: {
        index: number;
        next: Generation;
        effects: readonly Effect[];
        /** This move brings the outcome. */
        ends: boolean;
      }[] = [];
      for (const { index, generation, event } of pending) {
        try {
          const decision = decide(generation, event, now(), rulesFor(generation));
          const ends = 'next' in decision && isFinal(decision.next) && !isFinal(generation);
          if ('ignored' in decision) {
            results[index] = { kind: 'ignored', reason: decision.reason, generation };
            log.debug({ ...about(generation, event), reason: decision.reason }, 'ignored');
          } else if (ends && !may.finish) {
            results[index] = { kind: 'forwarded' };
            forward(index, { id: generation.id, event });
          } else {
            moves.push({ index, ...decision, ends });
          }
        } catch (error) {
          fail(index, error);
        }
      }

      const saved = await store.saveAll(moves.map((move) => move.next));
      pending = [];
      for (const [position, result] of saved.entries()) {
        // One answer for each move, in the same order.
        const { index, effects, ends } = moves[position] as (typeof moves)[number];
        const event = (steps[index] as Step).event;
        if (result.saved) {
          results[index] = { kind: 'moved', generation: result.generation };
          const again = event.type === 'overdue';
          moved.push({ index, generation: result.generation, effects, again });
          report(result.generation, event, ends);
          for (const parked of result.parked) {
            forward(index, { id: result.generation.id, event: parked });
          }
        } else if (result.current instanceof CatwalkError) {
          results[index] = { kind: 'failed', error: result.current };
        } else if (result.current) {
          pending.push({ index, event, generation: result.current });
        }
      }
    }

    await Promise.all([...forwarded, issue(moved, fail)]);
    return results;
  }

  async function read(steps: readonly Step[], results: Advanced[]) {
    const unread = steps.filter((step) => !step.generation).map((step) => step.id);
    const loaded = await store.loadAll(unread);
    let next = 0;
    return steps.flatMap(({ event, generation: known }, index) => {
      const generation = known ?? loaded[next++];
      if (generation instanceof CatwalkError) {
        results[index] = { kind: 'failed', error: generation };
        return [];
      }
      return generation ? [{ index, event, generation }] : [];
    });
  }

  async function issue(
    moved: readonly Moved[],
    fail: (index: number, error: unknown) => void,
  ): Promise<void> {
    const finished = moved.filter(({ effects }) => effects.some(({ kind }) => kind === 'tell'));
    const told = tell(finished.flatMap(({ generation: g }) => (isFinal(g) ? [g] : []))).catch(
      (error: unknown) => {
        for (const { index } of finished) fail(index, error);
      },
    );
    const others = moved.map((one) =>
      issueOne(one).catch((error: unknown) => fail(one.index, error)),
    );
    await Promise.all([told, ...others]);
  }

  async function issueOne({ generation, effects, again }: Moved): Promise<void> {
    const jobs: Promise<void>[] = [];
    for (const effect of effects) {
      if (effect.kind === 'submit') jobs.push(enqueue.submit(generation, effect.delayMs, again));
      if (effect.kind === 'look-up') jobs.push(enqueue.lookUp(generation));
      if (effect.kind === 'cancel-task') jobs.push(enqueue.cancelTask(generation));
      if (effect.kind === 'round') jobs.push(rounds.ensure(generation.provider, effect.at));
    }
    await Promise.all(jobs);
  }

  /** A job for every subscriber first; only then does the record owe nothing any more. */
  async function tell(finished: readonly FinalGeneration[]): Promise<void> {
    if (finished.length === 0) return;
    const names = await subscribers.names();
    await Promise.all(
      finished.flatMap((generation) => {
        const event = completionEvent(generation);
        const jobs = names.map((name) => enqueue.subscriber(name, event));
        if (generation.callbackUrl) {
          jobs.push(enqueue.subscriber(CALLBACK, event, generation.callbackUrl));
        }
        return jobs;
      }),
    );
    const told = finished.map((generation) => ({
      id: generation.id,
      generation,
      event: { type: 'told' } as const,
    }));
    await all(told, { finish: true });
  }

  function report(generation: Generation, event: GenerationEvent, ends: boolean): void {
    if (!isFinal(generation) || !ends) {
      log.debug({ ...about(generation, event), to: generation.state }, 'moved');
      return;
    }
    const { attempt, via, polls, finishedAt, createdAt } = generation;
    const reason = generation.state === 'completed' ? undefined : generation.reason.code;
    const durationMs = finishedAt - createdAt;
    log.info(
      {
        ...about(generation, event),
        to: generation.state,
        reason,
        via,
        attempt,
        polls,
        durationMs,
      },
      'generation finished',
    );
  }

  const together = coalesce((steps: Step[]) => all(steps, { finish: false }));
  return {
    all,
    one: async (step) => {
      const advanced = await together(step);
      if (advanced.kind === 'failed') throw advanced.error;
      return advanced;
    },
  };
}

function about(generation: Generation, event: GenerationEvent) {
  const { id, provider, tenant } = generation;
  return { generation: id, provider, tenant, event: event.type };
}
