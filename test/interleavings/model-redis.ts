import { isDeepStrictEqual } from 'node:util';
import type { GenerationEvent } from '../../src/generation/events.ts';
import { type Generation, isFinal } from '../../src/generation/generation.ts';
import type { CompletionEvent, LateResultEvent } from '../../src/generation/jobs.ts';
import type { Invariants } from './invariants.ts';
import { SLOT_MS } from './situation.ts';
import type { World } from './world.ts';

export type JobKind = 'submit' | 'look-up' | 'cancel' | 'round' | 'completions' | 'subscriber';

/** A BullMQ job, as far as it matters: an id that is free or taken, a time, and whoever holds it. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readyAt: number;
  /** Who may finish it; 0 while it waits, `DEAD` in the failed set, where its id stays taken. */
  holder: number;
  readonly events?: GenerationEvent[];
  readonly tells?: CompletionEvent | LateResultEvent;
}

export const DEAD = -1;

type Saved =
  | {
      saved: true;
      generation: Generation;
      parked: readonly GenerationEvent[];
      /** The answer is that of the repeated command. */
      repeated?: true;
      /** Somebody else had saved the same. */
      alike?: true;
    }
  | { saved: false; current: Generation | undefined };

/** Which generation's a task is, and deliveries that came before anyone knew: shared by all. */
export interface ModelMailbox {
  readonly owned: Map<string, (event: GenerationEvent) => void>;
  readonly parked: Map<string, GenerationEvent[]>;
}

/**
 * The record, its due time, the jobs and the mailbox: each method is one atomic step, as the Lua
 * scripts and BullMQ's own are. It watches what must hold at every moment.
 */
export function createModelRedis(world: World, rules: Invariants, mailbox: ModelMailbox) {
  const jobs: Job[] = [];
  const { owned, parked } = mailbox;
  const { situation, dice, flaws } = world;
  let completions = 0;
  let rounds = 0;
  /** Until when done subscriber jobs keep their ids. */
  const doneUntil = new Map<string, number>();

  const redis = {
    record: undefined as Generation | undefined,
    due: undefined as number | undefined,
    jobs,

    load: (): Generation | undefined => redis.record,

    create(generation: Generation & { dueAt: number }): void {
      redis.record = generation;
      rules.created(generation);
      redis.due = flaws.recordsWithoutDueTime ? undefined : generation.dueAt;
      world.say?.(`record: ${generation.state}, due ${world.clock(generation.dueAt)}`);
      watch();
    },

    saveAll(list: readonly Generation[]): Saved[] {
      return list.map((next) => {
        const current = redis.record;
        if (!current) return { saved: false, current };
        const isNext = current.version === next.version + 1;
        if (isNext && isDeepStrictEqual(current, { ...next, version: current.version })) {
          return { saved: true, generation: current, parked: [], alike: true };
        }
        if (current.version !== next.version && !flaws.savesBlindly) {
          world.say?.(`record: lost the compare-and-set for ${next.state}`);
          world.seen.add('lost race');
          return { saved: false, current };
        }
        const generation = { ...next, version: current.version + 1 };
        redis.record = generation;
        redis.due = generation.dueAt;
        world.say?.(
          `record: ${current.state} → ${generation.state}, sends ${generation.sends}, ` +
            `due ${world.clock(generation.dueAt)}`,
        );
        world.seen.add(generation.state);
        if ('late' in generation && generation.late) world.seen.add('late result');
        rules.moved(current, generation, world.now);
        watch();
        const mail = mailOf(generation);
        // ioredis repeats a command whose reply was lost with the connection. The repeat finds what
        // it wants to write, and nothing is handed over a second time.
        if (world.isWild && dice.oneIn(60)) {
          world.say?.('record: the reply is lost, and the save repeated');
          world.seen.add('lost reply of Redis');
          return { saved: true, generation, parked: [], repeated: true };
        }
        return { saved: true, generation, parked: mail };
      });
    },

    /** What a round takes: the record, when it is due; then it is due again after the lease. */
    takeDue(leaseMs: number): Generation | undefined {
      if (redis.due === undefined || redis.due > world.now) return undefined;
      redis.due = world.now + leaseMs;
      return redis.record;
    },

    add(
      kind: JobKind,
      id: string,
      readyAt: number,
      more: Pick<Job, 'events' | 'tells'> = {},
    ): void {
      if (jobs.some((job) => job.id === id)) return;
      if (kind === 'subscriber' && world.now < (doneUntil.get(id) ?? 0)) return;
      world.say?.(`queue: + ${id}, at ${world.clock(readyAt)}`);
      jobs.push({ id, kind, readyAt, holder: 0, ...more });
    },

    /** Sometimes together with another of the same turn of the event loop. */
    addCompletion(event: GenerationEvent): void {
      const last = jobs.at(-1);
      if (last?.events && last.holder === 0 && dice.oneIn(3)) {
        world.say?.(`queue: + ${event.type} to ${last.id}`);
        last.events.push(event);
      } else
        redis.add('completions', `completions-${++completions}`, world.now, { events: [event] });
    },

    /** src/producers/rounds.ts: one job for each slot in which something is due. */
    ensureRound(at: number): void {
      const slot = Math.ceil(at / SLOT_MS);
      if (at > world.now) redis.add('round', `round-${slot}`, slot * SLOT_MS);
      else redis.add('round', `round-now-${++rounds}`, world.now);
    },

    /** Whoever lost the job to another may not finish it. */
    finish(job: Job, holder: number, notBefore: number | undefined): void {
      if (job.holder !== holder) return;
      if (notBefore !== undefined) {
        job.holder = 0;
        job.readyAt = notBefore;
        return;
      }
      jobs.splice(jobs.indexOf(job), 1);
      if (job.kind === 'subscriber' && situation.keepsDoneJobs) {
        doneUntil.set(job.id, world.now + 3_600_000);
      }
    },

    /** A job that failed for good stands in the way of the next of its id. */
    makeRoom(id: string): void {
      const dead = jobs.findIndex((job) => job.id === id && job.holder === DEAD);
      if (dead >= 0) jobs.splice(dead, 1);
    },

    /** Its tries are spent. */
    failForGood(job: Job): void {
      job.holder = DEAD;
    },

    /** A delivery about a task that nobody knows yet. */
    park(taskId: string, event: GenerationEvent): void {
      parked.set(taskId, [...(parked.get(taskId) ?? []), event]);
    },

    /** An operator runs a dead job again, with all its tries. */
    runAgain(job: Job): void {
      if (job.holder !== DEAD) return;
      job.holder = 0;
      job.readyAt = world.now;
    },
  };

  function mailOf(generation: Generation): readonly GenerationEvent[] {
    if (!situation.accountWide || generation.state !== 'submitted') return [];
    owned.set(generation.task.id, redis.addCompletion);
    return parked.get(generation.task.id) ?? [];
  }

  function watch(): void {
    const { record, due } = redis;
    if (!record || isFinal(record)) return;
    if (due === undefined) world.broken('an open record has no due time');
    if (!Number.isFinite(due)) world.broken('a due time is not a moment');
  }

  return world.recorder?.watching(redis, world) ?? redis;
}

export type ModelRedis = ReturnType<typeof createModelRedis>;
