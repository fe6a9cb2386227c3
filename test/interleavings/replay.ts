import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import type { Logger } from '../../src/config/log.ts';
import type { GenerationEvent } from '../../src/generation/events.ts';
import type { Generation } from '../../src/generation/generation.ts';
import type { CompletionEvent, CompletionItem } from '../../src/generation/jobs.ts';
import { createEnqueue } from '../../src/producers/enqueue.ts';
import { createRounds } from '../../src/producers/rounds.ts';
import type { Keys } from '../../src/store/keys.ts';
import { createMailbox } from '../../src/store/mailbox.ts';
import { createSchedule } from '../../src/store/schedule.ts';
import { createStore, type SaveResult } from '../../src/store/store.ts';
import { createSubscribers } from '../../src/store/subscribers.ts';
import { createAdvance } from '../../src/workers/engine/advance.ts';
import type { Advanced } from '../../src/workers/engine/step.ts';
import { createDoors, type Doors, Drift } from './real-calls.ts';
import { createRealRedis, PROVIDER, SUBSCRIBER } from './real-redis.ts';
import type { Situation } from './situation.ts';
import type { RedisStep, Snapshot, TraceStep } from './trace.ts';
import { FIRST_ID } from './world.ts';

/** What one `advance` of the trace is for the real code. */
interface Running {
  readonly doors: Doors;
  readonly results: Promise<readonly Advanced[]>;
}

const RETENTION_MS = 3_600_000;
/** No round of a trace is held back by the budget for polls. */
const LIMITS = { most: 200, pollsPerSecond: 1_000_000 };

/**
 * Plays a trace of the model again with the real `advance`, store, schedule, queues and Redis, each
 * process halted wherever the model's was, and compares what they hold after every step.
 */
export function createReplay({ redis, keys, log }: { redis: Redis; keys: Keys; log: Logger }) {
  const real = createRealRedis({ redis, keys, log });
  return { play, close: () => real.queues.close() };

  /** @throws Drift at the first step after which the two differ. */
  async function play(trace: readonly TraceStep[], situation: Situation): Promise<void> {
    await redis.flushdb();
    const player = await createPlayer(situation);
    try {
      for (const [n, step] of trace.entries()) {
        await player.take(step).catch((error: unknown) => {
          throw error instanceof Drift
            ? new Drift(`step ${n}, ${step.step}: ${error.message}`)
            : error;
        });
      }
    } finally {
      await player.end();
    }
  }

  async function createPlayer(situation: Situation) {
    let clock = 0;
    const now = () => clock;
    const matchedByTask = new Set(situation.accountWide ? [PROVIDER] : []);
    const store = createStore({ redis, keys, retentionMs: RETENTION_MS, matchedByTask });
    const schedule = createSchedule({ redis, keys });
    const mailbox = createMailbox({ redis, keys });
    const enqueue = createEnqueue(real.queues);
    const rounds = createRounds(real.queues, now);
    const subscribers = createSubscribers({ redis, keys });
    await subscribers.register(SUBSCRIBER);
    const calls = new Map<number, Running>();
    /** The real jobs that a job of the model's is. */
    const jobs = new Map<string, string[]>();
    /** A done subscriber's job that keeps its id, and until when. */
    let kept: { readonly jobs: readonly string[]; readonly until: number } | undefined;
    let before: Snapshot = { record: undefined, due: undefined, jobs: [] };
    let created: (Generation & { dueAt: number }) | undefined;
    let seen: Generation | undefined;
    let known: ReadonlySet<string> = new Set();

    return { take, end };

    async function take(step: TraceStep): Promise<void> {
      if (step.step === 'advance') return begin(step);
      if (step.step === 'advanced') return finish(step);
      clock = step.now;
      await evict();
      const release = await act(step);
      await settle(step);
      await release?.();
      before = step.after;
    }

    /** The real `advance` starts, and comes as far as its first door. */
    async function begin(step: Extract<TraceStep, { step: 'advance' }>): Promise<void> {
      clock = step.now;
      const doors = createDoors();
      const { behind } = doors;
      const advance = createAdvance({
        store: {
          ...store,
          loadAll: async (ids) => (ids.length > 0 ? behind('load', store.loadAll)(ids) : []),
          saveAll: async (list) => (list.length > 0 ? behind('saveAll', store.saveAll)(list) : []),
        },
        enqueue: {
          ...enqueue,
          submit: behind('submit', enqueue.submit),
          lookUp: behind('look-up', enqueue.lookUp),
          cancelTask: behind('cancel', enqueue.cancelTask),
          completion: behind('addCompletion', enqueue.completion),
          subscriber: behind('subscriber', enqueue.subscriber),
        },
        rounds: { ensure: behind('ensureRound', rounds.ensure) },
        subscribers,
        rulesFor: () => situation.rules,
        now,
        log,
      });
      const { known: generation, events, may } = step;
      const about = { id: FIRST_ID, ...(generation && { generation }) };
      const results = advance.all(
        events.map((event) => ({ ...about, event })),
        may,
      );
      // A process that dies takes its error with it.
      results.catch(() => undefined);
      calls.set(step.call, { doors, results });
    }

    async function finish({
      call,
      results,
    }: Extract<TraceStep, { step: 'advanced' }>): Promise<void> {
      const { doors, results: real } = callOf(call);
      calls.delete(call);
      const isStuck = new Promise<'stuck'>((resolve) =>
        setTimeout(resolve, 1_000, 'stuck').unref(),
      );
      const got = await Promise.race([real, isStuck]);
      if (got === 'stuck') throw new Drift(`the real code goes on with ${doors.asks()}`);
      same('results', got, results);
    }

    async function end(): Promise<void> {
      for (const { doors } of calls.values()) doors.close();
      await Promise.allSettled([...calls.values()].map(({ results }) => results));
    }

    function callOf(call: number): Running {
      const running = calls.get(call);
      if (!running) throw new Error(`the trace has no call ${call}`);
      return running;
    }

    /** Does for real what the model did. @returns what lets the call go on, where it waits. */
    async function act(step: RedisStep): Promise<(() => Promise<void>) | undefined> {
      return step.call === undefined ? actAlone(step) : actFor(callOf(step.call).doors, step);
    }

    /** A step within `advance`: the real one must be about to do the same. */
    async function actFor(
      doors: Doors,
      step: RedisStep,
    ): Promise<(() => Promise<void>) | undefined> {
      if (step.step === 'load') return (await doors.open('load')).giveBack;
      if (step.step === 'saveAll') return save(doors, step);
      if (step.step === 'addCompletion') {
        const [event] = step.args;
        const isIt = (item: CompletionItem) => isAlike(item.event, event) && item.id === FIRST_ID;
        return (await doors.open('addCompletion', isIt)).giveBack;
      }
      if (step.step === 'ensureRound') {
        const [at] = step.args;
        return (await doors.open('ensureRound', (_name: string, asked: number) => asked === at))
          .giveBack;
      }
      if (step.step === 'add') {
        const [kind, , readyAt, more] = step.args;
        if (kind === 'submit') {
          const isIt = (_g: Generation, delayMs: number) => step.now + delayMs === readyAt;
          return (await doors.open(kind, isIt)).giveBack;
        }
        const isIt = (_name: unknown, event?: CompletionEvent) => isAlike(event, more?.tells);
        return (await doors.open(kind, kind === 'subscriber' ? isIt : undefined)).giveBack;
      }
      // The real code makes room and adds at one door.
      return undefined;
    }

    async function save(doors: Doors, step: Extract<RedisStep, { step: 'saveAll' }>) {
      const { args, answer, giveBack } = await doors.open('saveAll');
      const [list] = step.args;
      same('what is saved', args[0], list);
      const first = answer as SaveResult[]; // of that door
      // As ioredis repeats a command whose reply was lost.
      const again = step.answer.some((one) => 'repeated' in one) && (await store.saveAll(list));
      const saved = first.map((one, n) => {
        const model = step.answer[n];
        if (again && model && 'repeated' in model) return again[n] ?? one;
        // Two who save the same have both saved it if they write its fields in the same order, as
        // the model has it. Else one has lost to its equal.
        const isEqual =
          model && 'alike' in model && !one.saved && isAlike(one.current, model.generation);
        return isEqual ? { saved: true as const, generation: model.generation, parked: [] } : one;
      });
      same('what saving answers', saved, step.answer.map(without));
      return () => giveBack(saved);
    }

    /** A step that is no part of an `advance`. */
    async function actAlone(step: RedisStep): Promise<undefined> {
      switch (step.step) {
        case 'create':
          [created] = step.args;
          await store.create(step.args[0]);
          break;
        case 'add': {
          if (created) await enqueue.submit(created, 0);
          break;
        }
        case 'addCompletion':
          await enqueue.completion({ id: FIRST_ID, event: step.args[0] });
          break;
        case 'ensureRound':
          await rounds.ensure(PROVIDER, step.args[0]);
          break;
        case 'takeDue': {
          const limits = { now: step.now, leaseMs: step.args[0], ...LIMITS };
          const { due, nextAt } = await schedule.takeDue(PROVIDER, limits);
          same('what is due', due, step.answer ? [step.answer] : []);
          same('the next due time', nextAt, step.after.due);
          break;
        }
        case 'park':
          await park(step.args);
          break;
        case 'finish':
          await done(step);
          break;
        case 'failForGood':
          for (const job of jobs.get(step.args[0].id) ?? []) await real.failForGood(job);
          break;
        case 'runAgain':
          // Room may have been made of it meanwhile.
          if (!before.jobs.some(({ id, isDead }) => isDead && id === step.args[0].id)) break;
          for (const job of jobs.get(step.args[0].id) ?? []) await real.runAgain(job);
      }
      return undefined;
    }

    async function park([taskId, event]: [string, GenerationEvent]): Promise<void> {
      same('whose task it is', await mailbox.match(PROVIDER, taskId, event), undefined);
    }

    /** A worker has finished a job, or has it wait for later, or had lost it. */
    async function done(step: Extract<RedisStep, { step: 'finish' }>): Promise<void> {
      const [{ id, kind }] = step.args;
      if (step.after.jobs.some((job) => job.id === id)) return;
      const finished = jobs.get(id) ?? [];
      jobs.delete(id);
      if (kind === 'subscriber' && situation.keepsDoneJobs) {
        kept = { jobs: finished, until: step.now + 3_600_000 };
      } else for (const job of finished) await real.remove(job);
    }

    async function evict(): Promise<void> {
      if (!kept || clock < kept.until) return;
      for (const job of kept.jobs) await real.remove(job);
      kept = undefined;
    }

    /** Compares what the two hold. */
    async function settle(step: RedisStep): Promise<void> {
      const { after } = step;
      // Room is seen when the job is added that it is for.
      if (step.step === 'makeRoom' || step.step === 'load') return;
      const held = await real.look(FIRST_ID);
      if (held.record !== seen || after.record !== before.record) {
        same('the record', held.record, after.record);
      }
      seen = held.record;
      same('its due time', held.due, after.due);
      name(
        after,
        [...held.jobs].filter((job) => !known.has(job)),
      );
      known = held.jobs;
      const expected = [
        ...after.jobs.flatMap(({ id }) => jobs.get(id) ?? []),
        ...(kept?.jobs ?? []),
      ];
      same('the jobs', [...held.jobs].sort(), expected.sort());
      const dead = after.jobs.flatMap(({ id, isDead }) => (isDead ? (jobs.get(id) ?? []) : []));
      same('the dead jobs', [...held.dead].sort(), dead.sort());
    }

    /** Which of the model's jobs the new real ones are. */
    function name(after: Snapshot, added: readonly string[]): void {
      const last = after.jobs.at(-1);
      for (const { id, kind } of after.jobs) {
        if (kind === 'completions' || id.startsWith('round-now')) continue;
        const own = kind === 'subscriber' ? `told-${FIRST_ID}` : ownName(id);
        jobs.set(id, [`${real.queueOf(kind)}:${own}`]);
      }
      const unnamed = added.filter((job) => /:\d+$|:round-now/.test(job));
      if (!last || unnamed.length === 0) return;
      jobs.set(last.id, [...(jobs.get(last.id) ?? []), ...unnamed]);
    }
  }
}

/** What the model notes for the replay alone. */
function without<Answer extends object>(answer: Answer): Answer {
  return { ...answer, repeated: undefined, alike: undefined };
}

/** Ids are of one generation in the model, and of all in the real queues. */
function ownName(id: string): string {
  if (id === 'cancel') return `cancel-${FIRST_ID}`;
  return id.replace(/^(submit|look-up)-/, `$1-${FIRST_ID}-`);
}

function isAlike(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

/** As it is written: a field of undefined is none. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function same(what: string, real: unknown, model: unknown): void {
  if (isAlike(real, model)) return;
  throw new Drift(`${what}: really ${JSON.stringify(real)}, in the model ${JSON.stringify(model)}`);
}
