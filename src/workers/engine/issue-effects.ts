import { completionEvent, lateResultEvent } from '../../generation/completion-event.ts';
import type { Effect } from '../../generation/decision.ts';
import { type FinalGeneration, type Generation, isFinal } from '../../generation/generation.ts';
import type { CompletionEvent, LateResultEvent } from '../../generation/jobs.ts';
import type { ShownResult } from '../../generation/kept-result.ts';
import { asCompleted } from '../../generation/late-result.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { Rounds } from '../../producers/rounds.ts';
import { CALLBACK, type Subscribers } from '../../store/subscribers.ts';
import type { Turns } from '../../store/turns.ts';
import type { BeforeTelling } from './before-telling.ts';

/** What a move asks for; `again` when it was asked for before. */
export interface Moved {
  /** Of its step. */
  readonly index: number;
  readonly generation: Generation;
  readonly effects: readonly Effect[];
  readonly again: boolean;
}

/** A final record, and what its subscribers were notified of. */
export interface Notified {
  readonly generation: FinalGeneration;
  readonly what: 'outcome' | 'late-result';
}

/** What a step has to tell. */
interface News extends Notified {
  readonly index: number;
  /** Whose results are told: of a late success the completion that it would have been. */
  readonly ended: FinalGeneration;
  readonly eventWith: (results: readonly ShownResult[]) => CompletionEvent | LateResultEvent;
}

/** Turns effects into jobs. What could not be issued fails its own step, and never the call. */
export type IssueEffects = (
  moved: readonly Moved[],
  fail: (index: number, error: unknown) => void,
) => Promise<void>;

export function createIssueEffects(parts: {
  enqueue: Enqueue;
  turns: Pick<Turns, 'enter'>;
  rounds: Rounds;
  subscribers: Subscribers;
  /** What comes before anybody is told, and which have to wait for it. */
  beforeTelling: BeforeTelling;
  /** Notes on each record what it does not owe any more: its outcome, or its late result. */
  markNotified: (notified: readonly Notified[]) => Promise<unknown>;
}): IssueEffects {
  const { enqueue, rounds, subscribers, markNotified, beforeTelling } = parts;

  async function issueOne({ generation, effects, again }: Moved): Promise<void> {
    const jobs: Promise<void>[] = [];
    for (const effect of effects) {
      if (effect.kind === 'submit') jobs.push(submit(parts, generation, { ...effect, again }));
      if (effect.kind === 'look-up') jobs.push(enqueue.lookUp(generation));
      if (effect.kind === 'cancel-task') jobs.push(enqueue.cancelTask(generation));
      if (effect.kind === 'round') jobs.push(rounds.ensure(generation.provider, effect.at));
    }
    await Promise.all(jobs);
  }

  /** A job for every subscriber first; only then does the record not owe it any more. */
  async function notify(news: readonly News[]): Promise<void> {
    if (news.length === 0) return;
    const ended = news.map((one) => one.ended);
    const [names, tellable] = await Promise.all([subscribers.names(), beforeTelling(ended)]);
    const results = new Map(tellable.map((one) => [one.generation, one.results]));
    const told = news.filter((one) => results.has(one.ended));
    await Promise.all(
      told.flatMap(({ generation, ended, eventWith }) => {
        const event = eventWith(results.get(ended) ?? []);
        const jobs = names.map((name) => enqueue.subscriber(name, event));
        if (generation.callbackUrl) {
          jobs.push(enqueue.subscriber(CALLBACK, event, generation.callbackUrl));
        }
        return jobs;
      }),
    );
    await markNotified(told);
  }

  return async (moved, fail) => {
    const news = moved.flatMap(newsIn);
    const notified = notify(news).catch((error: unknown) => {
      for (const { index } of news) fail(index, error);
    });
    const others = moved.map((one) =>
      issueOne(one).catch((error: unknown) => fail(one.index, error)),
    );
    await Promise.all([notified, ...others]);
  };
}

/** What has a place already, or has to wait for another reason first, asks for its turn itself. */
async function submit(
  { enqueue, turns }: { enqueue: Enqueue; turns: Pick<Turns, 'enter'> },
  g: Generation,
  { delayMs, again }: { delayMs: number; again: boolean },
): Promise<void> {
  if (g.state !== 'queued' || delayMs > 0) return enqueue.submit(g, delayMs, again);
  const turn = await turns.enter(g);
  if (turn) await enqueue.turns([turn], again);
}

function newsIn({ index, generation: g, effects }: Moved): News[] {
  if (!isFinal(g)) return [];
  return effects.flatMap(({ kind }): News[] => {
    if (kind === 'notify') {
      const eventWith: News['eventWith'] = (results) => completionEvent(g, results);
      return [{ index, generation: g, what: 'outcome', ended: g, eventWith }];
    }
    if (kind !== 'notify-late' || g.state === 'completed' || !g.late) return [];
    const { late } = g;
    const ended = asCompleted(g);
    if (!ended) return [];
    const eventWith: News['eventWith'] = (results) => lateResultEvent(g, late, results);
    return [{ index, generation: g, what: 'late-result', ended, eventWith }];
  });
}
