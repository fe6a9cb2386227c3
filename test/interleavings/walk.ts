import { createRandom } from '../../rig/random.ts';
import { BrokenRule, broken, createInvariants } from './invariants.ts';
import type { Actor, Scene } from './model-advance.ts';
import { createOperator } from './model-operator.ts';
import { createModelProvider, type Request } from './model-provider.ts';
import { createModelRedis, type Job, type ModelMailbox } from './model-redis.ts';
import { cancel, deliver, forge, request } from './model-web.ts';
import { work } from './model-workers.ts';
import {
  LATE_MS,
  minutes,
  type Situation,
  START,
  seconds,
  situationOf,
  TAKEN_OVER_MS,
  TICK_MS,
} from './situation.ts';
import type { Flaws, Recorder, World } from './world.ts';

interface Process {
  readonly name: string;
  readonly scene: Scene;
  readonly actor: Actor;
  readonly job: Job | undefined;
  readonly holder: number;
  /** Such a process rests long between two steps, while others do much. */
  isSlow: boolean;
  /** What it does next, or the request it waits for. */
  next: string | Request;
}

export interface Walked {
  /** The rule that was broken; undefined when all held. */
  readonly broken: string | undefined;
  readonly steps: number;
  /** When the one crash of a calm schedule came; undefined when its step never did. */
  readonly crashedAt: number | undefined;
  /** Of the first generation. */
  readonly scene: Scene;
}

/** More steps than any schedule needs to come to rest. */
const MOST_STEPS = 5_000;

/**
 * Plays one schedule: first anything may happen in any order, and processes die; then everybody is
 * healthy until nothing is left to do. The same seed is the same schedule.
 */
export function walk(
  seed: number,
  options: {
    flaws?: Flaws;
    seen?: Set<string>;
    say?: (line: string) => void;
    recorder?: Recorder;
    /** Instead of the wild part: all is well, but whoever would do this step first dies. */
    calm?: { situation: Situation; diesBefore: string };
  } = {},
): Walked {
  const dice = createRandom(seed);
  const { calm } = options;
  const situation = calm?.situation ?? situationOf(seed, dice);
  let senders = 0;
  const world: World = {
    now: START,
    isWild: calm === undefined,
    dice,
    situation,
    flaws: options.flaws ?? {},
    broken,
    seen: options.seen ?? new Set(),
    say: options.say && ((line) => options.say?.(`${world.clock(world.now)}    ${line}`)),
    recorder: options.recorder,
    newSender: () => (options.flaws?.sendersAreAlike ? 'w' : `w${++senders}`),
    clock: (at) => (at === undefined ? 'never' : `+${((at - START) / 1_000).toFixed(3)} s`),
  };
  const provider = createModelProvider(world);
  const mailbox: ModelMailbox = { owned: new Map(), parked: new Map() };
  const scenes: Scene[] = [];
  const scene = newScene();
  const operator = createOperator(world, { scenes, newScene });
  const processes: Process[] = [];
  let { crashes, deliveries, forgeries, cancels, deadJobs } = situation;
  let crashedAt: number | undefined;
  let started = 0;
  let steps = 0;

  function newScene(): Scene {
    const rules = createInvariants();
    const made = { world, rules, provider, redis: createModelRedis(world, rules, mailbox) };
    scenes.push(made);
    return made;
  }

  function start(what: string, at: Scene, actor: Actor, job?: Job): void {
    const holder = ++started;
    if (job) job.holder = holder;
    const isSlow = dice.oneIn(job?.kind === 'look-up' ? 2 : 5);
    const name = `${what}#${holder}`;
    const process = { name, scene: at, actor, job, holder, isSlow, next: 'starts' };
    processes.push(process);
    resume(process);
  }

  function resume(process: Process): void {
    if (calm?.diesBefore === process.next && crashedAt === undefined) {
      crashedAt = world.now;
      die(process);
      return;
    }
    if (typeof process.next === 'string') world.say?.(`${process.name} ${process.next}`);
    const { done, value } = process.actor.next();
    if (!done) {
      process.next = value;
      return;
    }
    processes.splice(processes.indexOf(process), 1);
    if (process.job) process.scene.redis.finish(process.job, process.holder, value);
  }

  const ready = (job: Job): boolean => job.holder === 0 && job.readyAt <= world.now;
  const canGoOn = ({ next, isSlow }: Process): boolean =>
    (typeof next === 'string' || next.phase === 'over') &&
    !(isSlow && world.isWild && !dice.oneIn(8));

  /** One of those that fit, at random, without making a list. */
  function anyOf<T>(list: readonly T[], fits: (item: T) => boolean): T | undefined {
    const from = dice.below(list.length);
    for (let i = 0; i < list.length; i++) {
      const item = list[(from + i) % list.length] as T;
      if (fits(item)) return item;
    }
    return undefined;
  }

  function operate(): boolean {
    const task = operator.next();
    if (task) start('operator', task.scene, task.actor);
    return task !== undefined;
  }

  function goOn(): boolean {
    const process = anyOf(processes, canGoOn);
    if (process) resume(process);
    return process !== undefined;
  }

  function takeJob(): boolean {
    let job: Job | undefined;
    const at = anyOf(scenes, ({ redis }) => {
      job = anyOf(redis.jobs, ready);
      return job !== undefined;
    });
    if (at && job) start(job.kind, at, work(at, job), job);
    return job !== undefined;
  }

  function moveRequest(): boolean {
    const travelling = anyOf(
      provider.requests,
      ({ isSlow }) => !(isSlow && world.isWild && !dice.oneIn(12)),
    );
    if (!travelling) return false;
    const isLost = world.isWild && dice.oneIn(situation.lossOneIn);
    if (travelling.phase === 'travelling' && !isLost) provider.arrive(travelling);
    else provider.over(travelling, !isLost);
    return true;
  }

  function hearFromOutside(): boolean {
    if (cancels && dice.oneIn(3)) {
      cancels = false;
      const asked = dice.pick(scenes);
      start('web', asked, cancel(asked));
      return true;
    }
    const task = anyOf(provider.tasks, ({ webhookOf }) => webhookOf !== undefined);
    const named = task && scenes.find(({ redis }) => redis.record?.id === task.webhookOf);
    if (named && forgeries > 0 && dice.oneIn(3)) {
      forgeries--;
      start('web', named, forge(named, task));
      return true;
    }
    if (!named || deliveries === 0) return false;
    deliveries--;
    start('web', named, deliver(named, task, mailbox));
    return true;
  }

  /** A process dies; or its job is taken for lost and run again beside it. */
  function fail(): boolean {
    if (crashes === 0) return false;
    // Look-ups are few and short, and what goes wrong with them is worth seeing.
    const lookUp = dice.oneIn(2)
      ? anyOf(processes, ({ job }) => job?.kind === 'look-up')
      : undefined;
    const process = lookUp ?? anyOf(processes, () => true);
    if (!process) return false;
    crashes--;
    if (deadJobs > 0 && process.job?.holder === process.holder && process.job.kind !== 'round') {
      deadJobs--;
      world.say?.(`${process.name} fails for good`);
      processes.splice(processes.indexOf(process), 1);
      process.scene.redis.failForGood(process.job);
      return true;
    }
    const survives = process.job !== undefined && dice.oneIn(lookUp ? 1 : 3);
    world.say?.(`${process.name} ${survives ? 'loses its job to another' : 'dies'}`);
    world.seen.add(survives ? 'stalled' : 'crash');
    // It lost its lock because it was held up.
    process.isSlow ||= survives;
    if (!survives) die(process);
    else if (process.job?.holder === process.holder) {
      process.job.holder = 0;
      process.job.readyAt = world.now;
    }
    return true;
  }

  function die(process: Process): void {
    processes.splice(processes.indexOf(process), 1);
    if (process.job?.holder !== process.holder) return;
    process.job.holder = 0;
    process.job.readyAt = world.now + TAKEN_OVER_MS;
  }

  /** The wild part's many workers have their ticks at many moments; a calm schedule has one worker. */
  const nextTickAfter = (at: number): number =>
    calm ? START + (Math.floor((at - START) / TICK_MS) + 1) * TICK_MS : at + 1;

  /** A worker's tick: a due time that has passed long ago means that a round is missing. */
  function tick(before: number): void {
    if (nextTickAfter(before) > world.now) return;
    for (const { redis } of scenes) {
      if (redis.due !== undefined && redis.due < world.now - LATE_MS)
        redis.ensureRound(world.now + 1);
    }
  }

  function passTime(): boolean {
    const next = nextMoment();
    const isLong = world.isWild && dice.oneIn(3);
    if (next === undefined && !isLong) return false;
    const before = world.now;
    const to = isLong ? world.now + dice.pick([seconds(1), seconds(20), minutes(2)]) : (next ?? 0);
    // No request outlives its timeout; what it did by then stays open until it is known.
    for (const late of provider.requests.filter(({ limitAt }) => limitAt <= to)) {
      world.now = Math.max(world.now, late.limitAt);
      if (late.phase === 'travelling' && dice.oneIn(2)) provider.arrive(late);
      provider.over(late, false);
    }
    world.now = Math.max(world.now, to);
    tick(before);
    return true;
  }

  /** The next time at which something can happen by itself. */
  function nextMoment(): number | undefined {
    let next = Infinity;
    for (const { redis } of scenes) {
      if (redis.due !== undefined)
        next = Math.min(next, nextTickAfter(Math.max(redis.due + LATE_MS, world.now)));
      for (const job of redis.jobs) {
        if (job.holder === 0 && job.readyAt > world.now) next = Math.min(next, job.readyAt);
      }
    }
    return next === Infinity ? undefined : next;
  }

  function anything(): boolean {
    const chance = dice.below(32);
    if (chance < 2) return fail();
    if (chance === 31) return operate();
    if (chance < 5) return hearFromOutside();
    if (chance < 8) return moveRequest();
    if (chance < 11) return passTime();
    if (chance < 17) return takeJob();
    return goOn();
  }

  function runWild(most: number): void {
    world.isWild = true;
    for (let left = most; left > 0; left--, steps++) {
      if (!anything() && !goOn() && !takeJob() && !moveRequest()) passTime();
    }
  }

  function comeToRest(): void {
    world.isWild = false;
    world.say?.('from here on everybody is healthy');
    for (;;) {
      if (++steps > MOST_STEPS) broken('it does not come to rest');
      if (goOn() || takeJob() || moveRequest() || passTime()) continue;
      // Whatever waits for an operator gets one in the end.
      if (!operator.hasDeadJobs() || !operate()) return;
    }
  }

  try {
    start('web', scene, request(scene));
    if (!calm) runWild(situation.steps);
    comeToRest();
    // An operator who comes when all is quiet, perhaps much later; and then everything goes wrong.
    while (operator.mayRedrive()) {
      world.now += dice.pick([0, minutes(2), minutes(1_440)]);
      operate();
      runWild(situation.steps / 2);
      comeToRest();
    }
    for (const { redis, rules } of scenes) rules.atRest(redis, provider);
    return { broken: undefined, steps, crashedAt, scene };
  } catch (error) {
    if (!(error instanceof BrokenRule)) throw error;
    world.say?.(`BROKEN: ${error.message}`);
    return { broken: error.message, steps, crashedAt, scene };
  }
}

/** The schedule of a seed as a readable trace. */
export function traceOf(seed: number, flaws: Flaws = {}): string {
  const { rules, mode, believed, accountWide } = situationOf(seed, createRandom(seed));
  const lines = [
    `seed ${seed}: ${rules.repeatSubmit}, policy ${rules.onUnknownOutcome}, ${mode}, ` +
      `${believed ? 'believed' : 'hints'}${accountWide ? ', one endpoint for the account' : ''}`,
  ];
  walk(seed, { flaws, say: (line) => lines.push(line) });
  return lines.join('\n');
}
