import type { Generation, Outcome } from '../../src/generation/generation.ts';
import { isFinal } from '../../src/generation/generation.ts';
import type { CompletionEvent, LateResultEvent } from '../../src/generation/jobs.ts';
import { type ModelProvider, outcomeOf } from './model-provider.ts';
import type { ModelRedis } from './model-redis.ts';

/** A promise that a schedule broke. */
export class BrokenRule extends Error {}

/** @throws BrokenRule always. */
export function broken(rule: string): never {
  throw new BrokenRule(rule);
}

/** What one generation must keep. A redrive is a generation of its own. */
export interface Invariants {
  /** Called with the new record; a redrive may begin with its outcome. */
  created(generation: Generation): void;
  /** Called with every move that was saved. */
  moved(before: Generation, after: Generation, now: number): void;
  /** Called with every event that a subscriber got. */
  told(event: CompletionEvent | LateResultEvent, now: number): void;
  /** When a subscriber was told, each time. */
  readonly toldAt: readonly number[];
  /** The longest that any due time had passed before something was done about it. */
  longestOverdueMs(): number;
  /** Called when everything is quiet. */
  atRest(redis: ModelRedis, provider: ModelProvider): void;
}

/** Outcomes that Catwalk may decide without the provider's word. */
const OUR_OWN = ['canceled_by_app', 'not_sent_in_time', 'gave_up', 'outcome_unknown', 'refused'];

/** Watches one generation. */
export function createInvariants(): Invariants {
  let ended: Generation | undefined;
  const toldAt: number[] = [];
  let longestOverdueMs = 0;
  let heard: CompletionEvent | undefined;
  let heardLate: LateResultEvent | undefined;

  return {
    toldAt,
    longestOverdueMs: () => longestOverdueMs,

    created(generation) {
      if (isFinal(generation)) ended = generation;
    },

    moved(before, after, now) {
      longestOverdueMs = Math.max(longestOverdueMs, now - (before.dueAt ?? now));
      if (isFinal(before) && verdictOf(before) !== verdictOf(after)) {
        broken('a final state was left');
      }
      const late = lateSuccessOf(before);
      if (late && late !== lateSuccessOf(after)) broken('a late success was replaced');
      if (!isFinal(before) && isFinal(after)) {
        if (ended) broken('a generation ended twice');
        ended = after;
      }
      if (after.attempt < before.attempt || after.sends < before.sends) {
        broken('a counter went back');
      }
    },

    told(event, now) {
      if (event.type === 'generation.late_result') {
        if (heardLate && JSON.stringify(heardLate) !== JSON.stringify(event)) {
          broken('a subscriber got two different late results');
        }
        heardLate = event;
        return;
      }
      if (heard && JSON.stringify(heard) !== JSON.stringify(event)) {
        broken('a subscriber got two different completion events');
      }
      if (!ended || event.data.outcome !== ended.state) {
        broken('a subscriber was told something else than the outcome');
      }
      heard = event;
      toldAt.push(now);
    },

    atRest(redis, provider) {
      const { record } = redis;
      if (!record) return;
      if (!isFinal(record)) return broken('a generation stays open');
      if (redis.due !== undefined) broken('a generation that ended stays due');
      if (!heard) broken('nobody was told');
      checkTruth(record, provider);
      const late = lateSuccessOf(record);
      const isTold = late !== undefined && record.state !== 'canceled';
      if (isTold !== (heardLate !== undefined)) {
        broken(isTold ? 'nobody was told of a late result' : 'a late result was told that is none');
      }
      if (late && !provider.tasks.some((task) => verdictOfOutcome(outcomeOf(task)) === late)) {
        broken('a late result was made up by someone else than the provider');
      }
    },
  };

  /** What is told is what the provider did, or one of our own few verdicts. */
  function checkTruth(record: Generation, { tasks }: ModelProvider): void {
    const truths = tasks.map((task) => verdictOfOutcome(outcomeOf(task)));
    const verdict = verdictOf(record);
    if (truths.includes(verdict) || OUR_OWN.some((code) => verdict.endsWith(` ${code}`))) return;
    broken('an outcome was decided by someone else than the provider');
  }
}

function lateSuccessOf(g: Generation): string | undefined {
  if (!isFinal(g) || g.state === 'completed' || !g.late) return undefined;
  const { outcome } = g.late;
  return outcome.verdict === 'completed' ? verdictOfOutcome(outcome) : undefined;
}

function verdictOf(g: Generation): string {
  if (g.state === 'completed') return `completed ${JSON.stringify(g.results)}`;
  return isFinal(g) ? `${g.state} ${g.reason.code}` : g.state;
}

function verdictOfOutcome(outcome: Outcome): string {
  if (outcome.verdict === 'completed') return `completed ${JSON.stringify(outcome.results)}`;
  return `${outcome.verdict} ${outcome.reason.code}`;
}
