import { completionEvent } from '../../generation/completion-event.ts';
import { type FinalGeneration, type Generation, isFinal } from '../../generation/generation.ts';
import type { Effect } from '../../generation/state-machine.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { Rounds } from '../../producers/rounds.ts';
import { CALLBACK, type Subscribers } from '../../store/subscribers.ts';
import { type BeforeTelling, tellAtOnce } from './before-telling.ts';

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
  /** What comes before anybody is told, and which have to wait for it. */
  beforeTelling?: BeforeTelling | undefined;
  /** Notes on each record that it owes nothing any more. */
  markNotified: (finished: readonly FinalGeneration[]) => Promise<unknown>;
}): IssueEffects {
  const { enqueue, rounds, subscribers, markNotified, beforeTelling = tellAtOnce } = parts;

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
    const [names, told] = await Promise.all([subscribers.names(), beforeTelling(finished)]);
    await Promise.all(
      told.flatMap(({ generation, results }) => {
        const event = completionEvent(generation, results);
        const jobs = names.map((name) => enqueue.subscriber(name, event));
        if (generation.callbackUrl) {
          jobs.push(enqueue.subscriber(CALLBACK, event, generation.callbackUrl));
        }
        return jobs;
      }),
    );
    await markNotified(told.map(({ generation }) => generation));
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
