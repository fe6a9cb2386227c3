import type { Redis } from 'ioredis';
import type { Logger } from '../../src/config/log.ts';
import type { Generation } from '../../src/generation/generation.ts';
import type {
  CompletionEvent,
  CompletionItem,
  LateResultEvent,
} from '../../src/generation/jobs.ts';
import { createEnqueue, type Enqueue } from '../../src/producers/enqueue.ts';
import { createRounds, type Rounds } from '../../src/producers/rounds.ts';
import type { Keys } from '../../src/store/keys.ts';
import { createMailbox, type Mailbox } from '../../src/store/mailbox.ts';
import type { SaveResult } from '../../src/store/save-records.ts';
import { createSchedule, type Schedule } from '../../src/store/schedule.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { createSubscribers, type Subscribers } from '../../src/store/subscribers.ts';
import { createTurns, type Turns } from '../../src/store/turns.ts';
import { createAdvance } from '../../src/workers/engine/advance.ts';
import type { Advanced } from '../../src/workers/engine/step.ts';
import { NO_TURNS } from '../support/no-turns.ts';
import { tellAtOnce } from '../support/tell-at-once.ts';
import { isAlike, same, without } from './alike.ts';
import { createDoors, type Doors, Drift } from './real-calls.ts';
import { ownName, PROVIDER, type RealRedis, SUBSCRIBER } from './real-redis.ts';
import type { Situation } from './situation.ts';
import type { RedisStep, Snapshot, TraceStep } from './trace.ts';
import { FIRST_ID } from './world.ts';

/** What one `advance` of the trace is for the real code. */
interface Running {
  readonly doors: Doors;
  readonly results: Promise<readonly Advanced[]>;
}

/** A Redis of the replay's own. */
export interface Server {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly log: Logger;
}

const RETENTION_MS = 3_600_000;
/** No round of a trace is held back by the budget for polls. */
const LIMITS = { most: 200, pollsPerSecond: 1_000_000 };

/** The real code at the side of one trace: it does what the model did, and is compared with it. */
type SubmitJob = Parameters<Enqueue['submit']>;
type TurnsJob = Parameters<Enqueue['turns']>;
type SubmitOrTurns = SubmitJob | TurnsJob;

export class Player {
  readonly #real: RealRedis;
  readonly #situation: Situation;
  readonly #log: Logger;
  readonly #store: Store;
  readonly #turns: Turns;
  readonly #schedule: Schedule;
  readonly #mailbox: Mailbox;
  readonly #enqueue: Enqueue;
  readonly #rounds: Rounds;
  readonly #subscribers: Subscribers;
  readonly #calls = new Map<number, Running>();
  /** The real jobs that a job of the model's is. */
  readonly #jobs = new Map<string, string[]>();
  /** Done subscriber jobs that keep their ids, and until when. */
  #kept: readonly { readonly jobs: readonly string[]; readonly until: number }[] = [];
  /** Which jobs of turns are the real ones of a submit job in the model. */
  readonly #turnsOf = new Map<string, readonly string[]>();
  #clock = 0;
  #before: Snapshot = { record: undefined, due: undefined, jobs: [] };
  #created: (Generation & { dueAt: number }) | undefined;
  #seen: Generation | undefined;
  #known: ReadonlySet<string> = new Set();

  readonly #now = () => this.#clock;

  private constructor({ redis, keys, log }: Server, real: RealRedis, situation: Situation) {
    this.#real = real;
    this.#situation = situation;
    this.#log = log;
    const matchedByTask = new Set(situation.accountWide ? [PROVIDER] : []);
    this.#store = createStore({
      redis,
      keys,
      retentionMs: RETENTION_MS,
      matchedByTask,
      ...NO_TURNS,
      now: this.#now,
    });
    this.#turns = createTurns({ redis, keys, store: this.#store, ...NO_TURNS, now: this.#now });
    this.#schedule = createSchedule({ redis, keys });
    this.#mailbox = createMailbox({ redis, keys });
    this.#enqueue = createEnqueue(real.queues);
    this.#rounds = createRounds(real.queues, this.#now);
    this.#subscribers = createSubscribers({ redis, keys });
  }

  /** Begins with an empty database. */
  static async begin(server: Server, real: RealRedis, situation: Situation): Promise<Player> {
    await server.redis.flushdb();
    const player = new Player(server, real, situation);
    await player.#subscribers.register(SUBSCRIBER);
    return player;
  }

  /** @throws Drift when the two differ after it. */
  async take(step: TraceStep): Promise<void> {
    if (step.step === 'advance') return this.#begin(step);
    if (step.step === 'advanced') return this.#finish(step);
    this.#clock = step.now;
    await this.#evict();
    const release = await this.#act(step);
    await this.#settle(step);
    await release?.();
    this.#before = step.after;
  }

  /** As `request-generation.ts` does when a record is new. */
  async #addTurn(): Promise<void> {
    const turn = this.#created && (await this.#turns.enter(this.#created));
    if (turn) await this.#enqueue.turns([turn]);
  }

  readonly #addSubmit = (job: SubmitOrTurns, _delayMs?: number): Promise<void> =>
    Array.isArray(job[0])
      ? this.#enqueue.turns(...(job as TurnsJob))
      : this.#enqueue.submit(...(job as SubmitJob));

  /** The real `advance` starts, and comes as far as its first door. */
  async #begin(step: Extract<TraceStep, { step: 'advance' }>): Promise<void> {
    this.#clock = step.now;
    const doors = createDoors();
    const { behind } = doors;
    const addSubmit = behind('submit', this.#addSubmit);
    const advance = createAdvance({
      beforeTelling: tellAtOnce,
      store: {
        ...this.#store,
        loadAll: async (ids) => (ids.length > 0 ? behind('load', this.#store.loadAll)(ids) : []),
        saveAll: async (list) =>
          list.length > 0 ? behind('saveAll', this.#store.saveAll)(list) : [],
      },
      turns: this.#turns,
      enqueue: {
        ...this.#enqueue,
        submit: (...job) => addSubmit(job),
        turns: (...turns) => addSubmit(turns, 0),
        lookUp: behind('look-up', this.#enqueue.lookUp),
        cancelTask: behind('cancel', this.#enqueue.cancelTask),
        completion: behind('addCompletion', this.#enqueue.completion),
        subscriber: behind('subscriber', this.#enqueue.subscriber),
      },
      rounds: { ensure: behind('ensureRound', this.#rounds.ensure) },
      subscribers: this.#subscribers,
      rulesFor: () => this.#situation.rules,
      now: this.#now,
      log: this.#log,
    });
    const { known: generation, events, may } = step;
    // As whoever is about to send makes sure of its turn.
    const isSent = events.some(({ type }) => type === 'submit-started');
    if (isSent && generation?.state === 'queued') await this.#turns.enter(generation);
    const about = { id: FIRST_ID, ...(generation && { generation }) };
    const results = advance.all(
      events.map((event) => ({ ...about, event })),
      may,
    );
    // A process that dies takes its error with it.
    results.catch(() => undefined);
    this.#calls.set(step.call, { doors, results });
  }

  async #finish({ call, results }: Extract<TraceStep, { step: 'advanced' }>): Promise<void> {
    const { doors, results: really } = this.#callOf(call);
    this.#calls.delete(call);
    const isStuck = new Promise<'stuck'>((resolve) => setTimeout(resolve, 1_000, 'stuck').unref());
    const got = await Promise.race([really, isStuck]);
    if (got === 'stuck') throw new Drift(`the real code goes on with ${doors.asks()}`);
    same('results', got, results);
  }

  async end(): Promise<void> {
    for (const { doors } of this.#calls.values()) doors.close();
    await Promise.allSettled([...this.#calls.values()].map(({ results }) => results));
  }

  #callOf(call: number): Running {
    const running = this.#calls.get(call);
    if (!running) throw new Error(`the trace has no call ${call}`);
    return running;
  }

  /** Does for real what the model did. @returns what lets the call go on, where it waits. */
  async #act(step: RedisStep): Promise<(() => Promise<void>) | undefined> {
    return step.call === undefined
      ? this.#actAlone(step)
      : this.#actFor(this.#callOf(step.call).doors, step);
  }

  /** A step within `advance`: the real one must be about to do the same. */
  async #actFor(doors: Doors, step: RedisStep): Promise<(() => Promise<void>) | undefined> {
    if (step.step === 'load') return (await doors.open('load')).giveBack;
    if (step.step === 'saveAll') return this.#save(doors, step);
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
        const isIt = (job: SubmitOrTurns, delayMs = Number(job[1])) =>
          step.now + delayMs === readyAt;
        return (await doors.open(kind, isIt)).giveBack;
      }
      const isIt = (_name: unknown, event?: CompletionEvent | LateResultEvent) =>
        isAlike(event, more?.tells);
      return (await doors.open(kind, kind === 'subscriber' ? isIt : undefined)).giveBack;
    }
    // The real code makes room and adds at one door.
    return undefined;
  }

  async #save(doors: Doors, step: Extract<RedisStep, { step: 'saveAll' }>) {
    const { args, answer, giveBack } = await doors.open('saveAll');
    const [list] = step.args;
    same('what is saved', args[0], list);
    const first = answer as SaveResult[]; // of that door
    // As ioredis repeats a command whose reply was lost.
    const again = step.answer.some((one) => 'repeated' in one) && (await this.#store.saveAll(list));
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
  async #actAlone(step: RedisStep): Promise<undefined> {
    switch (step.step) {
      case 'create':
        [this.#created] = step.args;
        await this.#store.create(step.args[0]);
        break;
      case 'add':
        await this.#addTurn();
        break;
      case 'addCompletion':
        await this.#enqueue.completion({ id: FIRST_ID, event: step.args[0] });
        break;
      case 'ensureRound':
        await this.#rounds.ensure(PROVIDER, step.args[0]);
        break;
      case 'takeDue': {
        const limits = { now: step.now, leaseMs: step.args[0], ...LIMITS };
        const { due, nextAt } = await this.#schedule.takeDue(PROVIDER, limits);
        same('what is due', due, step.answer ? [step.answer] : []);
        same('the next due time', nextAt, step.after.due);
        break;
      }
      case 'park':
        same('whose task it is', await this.#mailbox.match(PROVIDER, ...step.args), undefined);
        break;
      case 'finish':
        await this.#done(step);
        break;
      case 'failForGood':
        for (const job of this.#jobs.get(step.args[0].id) ?? []) await this.#real.failForGood(job);
        break;
      case 'runAgain':
        // Room may have been made of it meanwhile.
        if (!this.#before.jobs.some(({ id, isDead }) => isDead && id === step.args[0].id)) break;
        for (const job of this.#jobs.get(step.args[0].id) ?? []) await this.#real.runAgain(job);
    }
    return undefined;
  }

  /** A worker has finished a job, or has it wait for later, or had lost it. */
  async #done(step: Extract<RedisStep, { step: 'finish' }>): Promise<void> {
    const [{ id, kind }] = step.args;
    if (step.after.jobs.some((job) => job.id === id)) return;
    const finished = this.#jobs.get(id) ?? [];
    this.#jobs.delete(id);
    if (kind === 'subscriber' && this.#situation.keepsDoneJobs) {
      this.#kept = [...this.#kept, { jobs: finished, until: step.now + 3_600_000 }];
    } else for (const job of finished) await this.#real.remove(job);
  }

  async #evict(): Promise<void> {
    const gone = this.#kept.filter(({ until }) => this.#clock >= until);
    for (const job of gone.flatMap(({ jobs }) => jobs)) await this.#real.remove(job);
    this.#kept = this.#kept.filter((one) => !gone.includes(one));
  }

  /** Compares what the two hold. */
  async #settle(step: RedisStep): Promise<void> {
    const { after } = step;
    // Room is seen when the job is added that it is for.
    if (step.step === 'makeRoom' || step.step === 'load') return;
    const held = await this.#real.look(FIRST_ID);
    if (held.record !== this.#seen || after.record !== this.#before.record) {
      same('the record', held.record, after.record);
    }
    this.#seen = held.record;
    same('its due time', held.due, after.due);
    // The job of a turn is called by that, and may be there besides.
    if (step.step === 'add' && step.args[0] === 'submit') {
      const turns = [...held.jobs].filter((job) => /:turn-/.test(job) && !this.#known.has(job));
      const [, id] = step.args;
      this.#turnsOf.set(id, [...(this.#turnsOf.get(id) ?? []), ...turns]);
    }
    this.#name(
      after,
      held.jobs,
      [...held.jobs].filter((job) => !this.#known.has(job)),
    );
    this.#known = held.jobs;
    const expected = new Set([
      ...after.jobs.flatMap(({ id }) => this.#jobs.get(id) ?? []),
      ...this.#kept.flatMap(({ jobs }) => jobs),
    ]);
    same('the jobs', [...held.jobs].sort(), [...expected].sort());
    const dead = after.jobs.flatMap(({ id, isDead }) => (isDead ? (this.#jobs.get(id) ?? []) : []));
    same('the dead jobs', [...held.dead].sort(), [...new Set(dead)].sort());
  }

  /** Which of the model's jobs the new real ones are. */
  #name(after: Snapshot, there: ReadonlySet<string>, added: readonly string[]): void {
    const last = after.jobs.at(-1);
    for (const { id, kind } of after.jobs) {
      if (kind === 'completions' || id.startsWith('round-now')) continue;
      const own = kind === 'subscriber' ? subscriberName(id) : ownName(id);
      const named = `${this.#real.queueOf(kind)}:${own}`;
      const turns = this.#turnsOf.get(id);
      // Where the model has two jobs, one turn's may be both.
      const mayBeNone = turns !== undefined && !there.has(named);
      const ofTurns = turns?.filter((job) => there.has(job)) ?? [];
      this.#jobs.set(id, [...(mayBeNone ? [] : [named]), ...ofTurns]);
    }
    const unnamed = added.filter((job) => /:\d+$|:round-now/.test(job));
    if (!last || unnamed.length === 0) return;
    this.#jobs.set(last.id, [...(this.#jobs.get(last.id) ?? []), ...unnamed]);
  }
}

function subscriberName(id: string): string {
  return id === 'told-late' ? `notify-${FIRST_ID}-late` : `notify-${FIRST_ID}`;
}
