import type { Queue } from 'bullmq';
import { DONE_JOBS_KEPT_S, queueNames } from '../../config/queues.ts';
import type { Core } from '../../core.ts';
import { createServedTimes } from '../../store/served-times.ts';
import { CALLBACK, type Subscribers } from '../../store/subscribers.ts';

export interface Backlog {
  /** The subscribers without those for which nothing more is queued. */
  readonly subscribers: Subscribers;
  /** Done once a minute by itself; one at a time. Never rejects. */
  check(): Promise<void>;
  stop(): void;
}

const EVERY_MS = 60_000;
const SAY_EVERY_MS = 3_600_000;
/** Of the dead letters of a queue, and of what waits for an abandoned subscriber. */
const MOST_BYTES = 64 * 1024 ** 2;
/** Jobs that are weighed to know the others. */
const SAMPLE = 20;
/** Jobs removed at a time: Redis does nothing else meanwhile. */
const REMOVED_AT_ONCE = 1_000;

/** What is kept in one queue, for somebody to look at or for nobody. */
interface Kept {
  readonly jobs: number;
  readonly bytes: number;
  /** How many may be kept, by their number and by their bytes. */
  readonly most: number;
}

/**
 * Bounds what grows while nobody looks. Dead letters: the oldest go, and an error line says how many.
 * Subscribers that nobody runs any more: beyond the bound nothing is queued for them. And it removes
 * done jobs past their time, which BullMQ only does when another one is done. Everybody looks; what
 * removes is done by one process at a time.
 */
export function tendBacklog(
  core: Pick<Core, 'redis' | 'keys' | 'queues' | 'subscribers' | 'settings' | 'now' | 'log'>,
): Backlog {
  const { redis, keys, queues, subscribers, settings, now, log } = core;
  const served = createServedTimes(core);
  const saidAt = new Map<string, number>();
  let overfull = new Set<string>();
  let passedOver = 0;
  let checking: Promise<void> | undefined;

  async function look(): Promise<void> {
    if (redis.status !== 'ready') return;
    try {
      const names = await subscribers.names();
      overfull = new Set(await findOverfull(names));
      if ((await redis.set(keys.backlogLease, '1', 'PX', EVERY_MS / 2, 'NX')) === null) return;
      await removeDone(queues.get(queueNames.completions));
      await dropDead(queues.get(queueNames.completions));
      for (const name of [...names, CALLBACK]) {
        await removeDone(queues.get(queueNames.subscriber(name)));
        await dropDead(queues.get(queueNames.subscriber(name)));
      }
    } catch (err) {
      log.warn({ err }, 'backlog not tended');
    }
  }

  const check = (): Promise<void> => {
    checking ??= look().finally(() => {
      checking = undefined;
    });
    return checking;
  };

  /** Those that nobody has run for long, and that have as many jobs as they may have. */
  async function findOverfull(names: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const [name, servedAt] of await served.of(names)) {
      if (now() - servedAt < settings.SUBSCRIBER_ABANDONED_MS) continue;
      const queue = queues.get(queueNames.subscriber(name));
      const waiting = await weigh(queue, 'wait', 'delayed');
      const isOverfull = waiting.jobs >= waiting.most;
      if (isOverfull) found.push(name);
      const line = { subscriber: name, servedAt, waiting: waiting.jobs, bytes: waiting.bytes };
      if (!isDue(`abandoned ${name} ${isOverfull}`)) continue;
      if (!isOverfull) log.warn(line, 'nobody runs this subscriber');
      else
        log.error({ ...line, passedOver }, 'abandoned subscriber: nothing more is queued for it');
    }
    return found;
  }

  async function dropDead(queue: Queue): Promise<void> {
    const dead = await weigh(queue, 'failed');
    const line = { queue: queue.name, deadLetters: dead.jobs, bytes: dead.bytes };
    if (dead.jobs > dead.most) {
      const dropped = await dropOldest(queue, dead.jobs - dead.most);
      log.error({ ...line, dropped }, 'too many dead letters: the oldest are dropped');
    } else if (dead.jobs > 0 && isDue(`dead ${queue.name}`)) {
      log.warn(line, 'dead letters: see npm run redrive');
    }
  }

  async function dropOldest(queue: Queue, count: number): Promise<number> {
    let dropped = 0;
    while (dropped < count) {
      const some = Math.min(REMOVED_AT_ONCE, count - dropped);
      const { length } = await queue.clean(0, some, 'failed');
      if (length === 0) break;
      dropped += length;
    }
    return dropped;
  }

  /** @returns whether it is time to say so, for the first time or once more. */
  function isDue(what: string): boolean {
    if (now() - (saidAt.get(what) ?? Number.NEGATIVE_INFINITY) < SAY_EVERY_MS) return false;
    saidAt.set(what, now());
    return true;
  }

  async function weigh(queue: Queue, ...states: ('failed' | 'wait' | 'delayed')[]): Promise<Kept> {
    const jobs = await queue.getJobCountByTypes(...states);
    if (jobs === 0) return { jobs, bytes: 0, most: settings.DEAD_LETTERS };
    const found = await queue.getRanges(states, 0, SAMPLE - 1);
    const sizes = await Promise.all(
      found.map((id) => redis.memory('USAGE', queue.toKey(id), 'SAMPLES', 0)),
    );
    const each = sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 1) / sizes.length;
    const most = Math.min(settings.DEAD_LETTERS, Math.max(1, Math.floor(MOST_BYTES / each)));
    return { jobs, bytes: Math.round(jobs * each), most };
  }

  async function removeDone(queue: Queue): Promise<void> {
    // By BullMQ's own clock, which gave them their time.
    const before = Date.now() - DONE_JOBS_KEPT_S * 1_000;
    if ((await redis.zcount(queue.toKey('completed'), '-inf', before)) === 0) return;
    await queue.clean(DONE_JOBS_KEPT_S * 1_000, REMOVED_AT_ONCE, 'completed');
  }

  const timer = setInterval(() => void check(), EVERY_MS);
  void check();
  return {
    subscribers: {
      ...subscribers,
      async names() {
        const names = await subscribers.names();
        const told = names.filter((name) => !overfull.has(name));
        passedOver += names.length - told.length;
        return told;
      },
    },
    check,
    stop: () => clearInterval(timer),
  };
}
