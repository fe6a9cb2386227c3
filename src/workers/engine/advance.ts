import type { Logger } from '../../config/log.ts';
import { CatwalkError } from '../../generation/errors.ts';
import type { GenerationEvent } from '../../generation/events.ts';
import { type FinalGeneration, type Generation, isFinal } from '../../generation/generation.ts';
import type { CompletionItem } from '../../generation/jobs.ts';
import type { Rules } from '../../generation/rules.ts';
import { decide, type Effect } from '../../generation/state-machine.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { Rounds } from '../../producers/rounds.ts';
import { coalesce } from '../../store/coalesce.ts';
import type { Store } from '../../store/store.ts';
import type { Subscribers } from '../../store/subscribers.ts';
import { createIssueEffects, type Moved } from './issue-effects.ts';

/** Something that happened to a generation, with the record where it has been read already. */
interface Step {
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

/** One call's steps, and what becomes of them. */
interface Batch {
  readonly steps: readonly Step[];
  readonly mayFinish: boolean;
  readonly results: Advanced[];
  readonly moved: Moved[];
  readonly forwarded: Promise<void>[];
}

/** A step whose record is known. */
interface Pending {
  readonly index: number;
  readonly event: GenerationEvent;
  readonly generation: Generation;
}

/** What is to be saved for a step. */
interface Move {
  readonly index: number;
  readonly event: GenerationEvent;
  readonly next: Generation;
  readonly effects: readonly Effect[];
  /** This move brings the outcome. */
  readonly ends: boolean;
}

/**
 * Load → state machine → compare-and-set → effects. Every stage ends here. Whoever loses the
 * compare-and-set decides again on the record that won; an effect whose job could not be added
 * fails its own step, and the schedule issues it again in time.
 */
export function createAdvance(parts: AdvanceParts): Advance {
  const { store, enqueue, rulesFor, now, log } = parts;
  const issueEffects = createIssueEffects({ ...parts, markTold });

  async function all(steps: readonly Step[], may: { finish: boolean }): Promise<Advanced[]> {
    const results: Advanced[] = steps.map(() => ({ kind: 'unknown-generation' }));
    const batch: Batch = { steps, mayFinish: may.finish, results, moved: [], forwarded: [] };
    let pending = await read(batch);
    while (pending.length > 0) {
      const moves = pending.flatMap((one) => decideOne(batch, one));
      pending = await saveAll(batch, moves).catch((error: unknown) => {
        // Whoever has saved must go on: an intent is its owner's alone.
        if (batch.moved.length === 0) throw error;
        for (const { index } of moves) failed(batch, index, error);
        return [];
      });
    }
    const fail = (index: number, error: unknown): void => failed(batch, index, error);
    await Promise.all([...batch.forwarded, issueEffects(batch.moved, fail)]);
    return results;
  }

  async function read({ steps, results }: Batch): Promise<Pending[]> {
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

  function decideOne(batch: Batch, { index, event, generation }: Pending): Move[] {
    try {
      const decision = decide(generation, event, now(), rulesFor(generation));
      if ('ignored' in decision) {
        const { reason } = decision;
        batch.results[index] = { kind: 'ignored', reason, generation };
        log.debug({ ...about(generation, event), reason }, 'ignored');
        return [];
      }
      const ends = isFinal(decision.next) && !isFinal(generation);
      if (!ends || batch.mayFinish) return [{ index, event, ...decision, ends }];
      batch.results[index] = { kind: 'forwarded' };
      forward(batch, index, { id: generation.id, event });
    } catch (error) {
      failed(batch, index, error);
    }
    return [];
  }

  /** @returns those that lost, with the record that won. */
  async function saveAll(batch: Batch, moves: readonly Move[]): Promise<Pending[]> {
    const saved = await store.saveAll(moves.map(({ next }) => next));
    return saved.flatMap((result, position) => {
      // One answer for each move, in the same order.
      const { index, event, effects, ends } = moves[position] as Move;
      if (!result.saved) {
        const { current } = result;
        if (current instanceof CatwalkError) failed(batch, index, current);
        return current && !(current instanceof CatwalkError)
          ? [{ index, event, generation: current }]
          : [];
      }
      const { generation, parked } = result;
      batch.results[index] = { kind: 'moved', generation };
      batch.moved.push({ index, generation, effects, again: event.type === 'overdue' });
      report(generation, event, ends);
      for (const early of parked) forward(batch, index, { id: generation.id, event: early });
      return [];
    });
  }

  /** Caught at once: if a save fails first, nobody waits for these any more. */
  function forward(batch: Batch, index: number, item: CompletionItem): void {
    const adding = enqueue.completion(item);
    batch.forwarded.push(adding.catch((error: unknown) => failed(batch, index, error)));
  }

  function failed({ results }: Batch, index: number, error: unknown): void {
    results[index] = { kind: 'failed', error };
  }

  function markTold(finished: readonly FinalGeneration[]): Promise<Advanced[]> {
    const event = { type: 'told' } as const;
    const steps = finished.map((generation) => ({ id: generation.id, generation, event }));
    return all(steps, { finish: true });
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
