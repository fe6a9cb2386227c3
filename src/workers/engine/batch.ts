import type { Logger } from '../../config/log.ts';
import type { Effect } from '../../generation/decision.ts';
import { CatwalkError } from '../../generation/errors.ts';
import type { GenerationEvent } from '../../generation/events.ts';
import { type Generation, isFinal } from '../../generation/generation.ts';
import type { CompletionItem } from '../../generation/jobs.ts';
import type { Rules } from '../../generation/rules.ts';
import { decide } from '../../generation/state-machine.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { Store } from '../../store/store.ts';
import type { Moved } from './issue-effects.ts';
import { about, reportMove } from './report-move.ts';
import type { Advanced, Step } from './step.ts';

export interface BatchParts {
  readonly store: Store;
  readonly enqueue: Enqueue;
  /** @throws NotKnownHere when the provider or model is not known to this process. */
  readonly rulesFor: (generation: Generation) => Rules;
  readonly now: () => number;
  readonly log: Logger;
}

/** One call's steps, and what becomes of them. */
export interface Batch {
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
 * Reads, decides and saves a batch until nothing of it is open: whoever loses the compare-and-set
 * decides again on the record that won. What has moved is in `batch.moved`.
 */
export async function settle(parts: BatchParts, batch: Batch): Promise<void> {
  let pending = await read(parts, batch);
  while (pending.length > 0) {
    const moves = pending.flatMap((one) => decideOne(parts, batch, one));
    pending = await saveAll(parts, batch, moves).catch((error: unknown) => {
      // Whoever has saved must go on: an intent is its owner's alone.
      if (batch.moved.length === 0) throw error;
      for (const { index } of moves) fail(batch, index, error);
      return [];
    });
  }
}

export function fail({ results }: Batch, index: number, error: unknown): void {
  results[index] = { kind: 'failed', error };
}

async function read({ store }: BatchParts, { steps, results }: Batch): Promise<Pending[]> {
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

function decideOne(parts: BatchParts, batch: Batch, { index, event, generation }: Pending): Move[] {
  try {
    const decision = decide(generation, event, parts.now(), parts.rulesFor(generation));
    if ('ignored' in decision) {
      const { reason } = decision;
      batch.results[index] = { kind: 'ignored', reason, generation };
      parts.log.debug({ ...about(generation), event: event.type, reason }, 'ignored');
      return [];
    }
    const ends = isFinal(decision.next) && !isFinal(generation);
    if (!ends || batch.mayFinish) return [{ index, event, ...decision, ends }];
    batch.results[index] = { kind: 'forwarded' };
    forward(parts, batch, index, { id: generation.id, event });
  } catch (error) {
    fail(batch, index, error);
  }
  return [];
}

/** @returns those that lost, with the record that won. */
async function saveAll(
  parts: BatchParts,
  batch: Batch,
  moves: readonly Move[],
): Promise<Pending[]> {
  const saved = await parts.store.saveAll(moves.map(({ next }) => next));
  return saved.flatMap((result, position) => {
    // One answer for each move, in the same order.
    const { index, event, effects, ends } = moves[position] as Move;
    if (!result.saved) {
      const { current } = result;
      if (current instanceof CatwalkError) fail(batch, index, current);
      return current && !(current instanceof CatwalkError)
        ? [{ index, event, generation: current }]
        : [];
    }
    const { generation, parked } = result;
    batch.results[index] = { kind: 'moved', generation };
    batch.moved.push({ index, generation, effects, again: event.type === 'overdue' });
    reportMove(parts.log, generation, event, ends);
    if (!mayBeNews(event, generation)) return [];
    for (const early of parked) forward(parts, batch, index, { id: generation.id, event: early });
    return [];
  });
}

/**
 * Whether what was parked about its task may not have been heard yet. Every save finds it again, for
 * whoever was to forward it may have died; what itself was forwarded would go round for ever.
 */
export function mayBeNews(event: GenerationEvent, saved: Generation): boolean {
  const isDelivery =
    event.type === 'hint' || (event.type === 'observed-live' && event.source === 'webhook');
  return !isDelivery && saved.state === 'submitted' && saved.hintedAt === undefined;
}

/** Caught at once: if a save fails first, nobody waits for these any more. */
function forward({ enqueue }: BatchParts, batch: Batch, index: number, item: CompletionItem): void {
  const adding = enqueue.completion(item);
  batch.forwarded.push(adding.catch((error: unknown) => fail(batch, index, error)));
}
