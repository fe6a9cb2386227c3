import { BrokenRule, createInvariants } from './invariants.ts';
import type { Actor, Scene } from './model-advance.ts';
import { createModelProvider, type Request } from './model-provider.ts';
import { createModelRedis, type Job } from './model-redis.ts';
import { cancel, deliver, forge, request } from './model-web.ts';
import { work } from './model-workers.ts';
import { diceOf } from './random.ts';
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
import type { Flaws, World } from './world.ts';

interface Process {
  readonly name: string;
  readonly actor: Actor;
  readonly job: Job | undefined;
  readonly holder: number;
  /** Such a process rests long between two steps, while others do much. */
  readonly isSlow: boolean;
  /** What it does next, or the request it waits for. */
  next: string | Request;
}

export interface Walked {
  /** The rule that was broken; undefined when all held. */
  readonly broken: string | undefined;
  readonly steps: number;
  /** When the one crash of a calm schedule came; undefined when its step never did. */
  readonly crashedAt: number | undefined;
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
    /** Instead of the wild part: all is well, but whoever would do this step first dies. */
    calm?: { situation: Situation; diesBefore: string };
  } = {},
): Walked {
  const dice = diceOf(seed);
  const { calm } = options;
  const situation = calm?.situation ?? situationOf(seed, dice);
  let senders = 0;
  const world: World = {
    now: START,
    isWild: calm === undefined,
    dice,
    situation,
    flaws: options.flaws ?? {},
    rules: createInvariants(),
    seen: options.seen ?? new Set(),
    say: options.say && ((line) => options.say?.(`${world.clock(world.now)}    ${line}`)),
    newSender: () => (options.flaws?.sendersAreAlike ? 'w' : `w${++senders}`),
    clock: (at) => (at === undefined ? 'never' : `+${((at - START) / 1_000).toFixed(3)} s`),
  };
  const scene: Scene = {
    world,
    redis: createModelRedis(world),
    provider: createModelProvider(world),
  };
  const { redis, provider } = scene;
  const processes: Process[] = [];
  let { crashes, deliveries, forgeries, cancels } = situation;
  let crashedAt: number | undefined;
  let started = 0;
  let steps = 0;

  function start(what: string, actor: Actor, job?: Job): void {
    const holder = ++started;
    if (job) job.holder = holder;
    const isSlow = dice.oneIn(job?.kind === 'look-up' ? 2 : 5);
    const process = { name: `${what}#${holder}`, actor, job, holder, isSlow, next: 'starts' };
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
    if (process.job) redis.finish(process.job, process.holder, value);
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

  function goOn(): boolean {
    const process = anyOf(processes, canGoOn);
    if (process) resume(process);
    return process !== undefined;
  }

  function takeJob(): boolean {
    const job = anyOf(redis.jobs, ready);
    if (job) start(job.kind, work(scene, job), job);
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
      start('web', cancel(scene));
      return true;
    }
    const task = anyOf(provider.tasks, () => true);
    if (task && forgeries > 0 && dice.oneIn(3)) {
      forgeries--;
      start('web', forge(scene, task));
      return true;
    }
    if (!task || deliveries === 0) return false;
    deliveries--;
    start('web', deliver(scene, task));
    return true;
  }

  /** A process dies; or its job is taken for lost and run again beside it. */
  function fail(): boolean {
    const process = crashes > 0 ? anyOf(processes, () => true) : undefined;
    if (!process) return false;
    crashes--;
    const survives = process.job !== undefined && dice.oneIn(3);
    world.say?.(`${process.name} ${survives ? 'loses its job to another' : 'dies'}`);
    world.seen.add(survives ? 'stalled' : 'crash');
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
    if (redis.due !== undefined && redis.due < world.now - LATE_MS)
      redis.ensureRound(world.now + 1);
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
    let next =
      redis.due === undefined ? Infinity : nextTickAfter(Math.max(redis.due + LATE_MS, world.now));
    for (const job of redis.jobs) {
      if (job.holder === 0 && job.readyAt > world.now) next = Math.min(next, job.readyAt);
    }
    return next === Infinity ? undefined : next;
  }

  function anything(): boolean {
    const chance = dice.below(32);
    if (chance < 2) return fail();
    if (chance < 5) return hearFromOutside();
    if (chance < 8) return moveRequest();
    if (chance < 11) return passTime();
    if (chance < 17) return takeJob();
    return goOn();
  }

  try {
    start('web', request(scene));
    for (; world.isWild && steps < situation.steps; steps++) {
      if (!anything() && !goOn() && !takeJob() && !moveRequest()) passTime();
    }
    world.isWild = false;
    world.say?.('from here on everybody is healthy');
    while (goOn() || takeJob() || moveRequest() || passTime()) {
      if (++steps > MOST_STEPS) world.rules.broken('it does not come to rest');
    }
    world.rules.atRest(redis, provider);
    return { broken: undefined, steps, crashedAt, scene };
  } catch (error) {
    if (!(error instanceof BrokenRule)) throw error;
    world.say?.(`BROKEN: ${error.message}`);
    return { broken: error.message, steps, crashedAt, scene };
  }
}

/** The schedule of a seed as a readable trace. */
export function traceOf(seed: number, flaws: Flaws = {}): string {
  const { rules, mode, believed, accountWide } = situationOf(seed, diceOf(seed));
  const lines = [
    `seed ${seed}: ${rules.repeatSubmit}, policy ${rules.onUnknownOutcome}, ${mode}, ` +
      `${believed ? 'believed' : 'hints'}${accountWide ? ', one endpoint for the account' : ''}`,
  ];
  walk(seed, { flaws, say: (line) => lines.push(line) });
  return lines.join('\n');
}
