import { completionEvent } from '../../generation/completion-event.ts';
import { type FinalGeneration, type Generation, isFinal } from '../../generation/generation.ts';
import type { Effect } from '../../generation/state-machine.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { Rounds } from '../../producers/rounds.ts';
import { CALLBACK, type Subscribers } from '../../store/subscribers.ts';

/** What a move asks for; `again` when it was asked for before. */
export interface Moved {
  /** Of its step. */
  readonly index: number;
  readonly generation: Generation;
  readonly effects: readonly Effect[];
  readonly again: boolean;
}

/** Turns effects into jobs. What could not be issued fails its own step, and never the call. */
export type IssueEffects = (
  moved: readonly Moved[],
  fail: (index: number, error: unknown) => void,
) => Promise<void>;

export function createIssueEffects(parts: {
  enqueue: Enqueue;
  rounds: Rounds;
  subscribers: Subscribers;
  /** Notes on each record that it owes nothing any more. */
  markNotified: (finished: readonly FinalGeneration[]) => Promise<unknown>;
}): IssueEffects {
  const { enqueue, rounds, subscribers, markNotified } = parts;

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
  async function notify(finished: readonly FinalGeneration[]): Promise<void> {
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
    await markNotified(finished);
  }

  return async (moved, fail) => {
    const finished = moved.filter(({ effects }) => effects.some(({ kind }) => kind === 'notify'));
    const notified = notify(finished.flatMap(({ generation: g }) => (isFinal(g) ? [g] : []))).catch(
      (error: unknown) => {
        for (const { index } of finished) fail(index, error);
      },
    );
    const others = moved.map((one) =>
      issueOne(one).catch((error: unknown) => fail(one.index, error)),
    );
    await Promise.all([notified, ...others]);
  };
}
