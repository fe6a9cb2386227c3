import { queueNames } from '../../config/queues.ts';
import type { Core } from '../../core.ts';
import { createServedTimes } from '../../store/served-times.ts';
import { CALLBACK, SLOW_CALLBACK, type Subscribers } from '../../store/subscribers.ts';
import { dropOldestDead, removeDone, weigh } from './kept-jobs.ts';

export interface Backlog {
  /** The subscribers without those for which nothing more is queued. */
  readonly subscribers: Subscribers;
  /** Done once a minute, and when Redis is back, by itself; one at a time. Never rejects. */
  check(): Promise<void>;
  stop(): void;
}

type Parts = Pick<
  Core,
  'redis' | 'keys' | 'queues' | 'subscribers' | 'settings' | 'now' | 'log'
> & {
  /** @returns whether it is time to say so, for the first time or once more. */
  readonly isDue: (what: string) => boolean;
};

const EVERY_MS = 60_000;
const SAY_EVERY_MS = 3_600_000;

/**
 * Bounds what grows while nobody looks. Dead letters: the oldest go, and an error line says how many.
 * Subscribers that nobody runs any more: beyond the bound nothing is queued for them. Done jobs past
 * their time go too. Everybody looks; dead letters are dropped by one process at a time.
 */
export function tendBacklog(core: Omit<Parts, 'isDue'>): Backlog {
  const { redis, keys, queues, subscribers, log } = core;
  const parts = { ...core, isDue: createIsDue(core.now) };
  let stopped = false;
  let overfull = new Set<string>();
  let checking: Promise<void> | undefined;

  async function look(): Promise<void> {
    if (redis.status !== 'ready') return;
    try {
      const names = await subscribers.names();
      // Also while Redis takes nothing, and without asking it for a turn: this makes room.
      for (const name of queuesOf(names)) await removeDone(redis, queues.get(name));
      overfull = new Set(await findOverfull(parts, names));
      const isOurTurn = await redis.set(keys.backlogLease, '1', 'PX', EVERY_MS / 2, 'NX');
      if (isOurTurn) await dropDead(parts, names);
    } catch (err) {
      if (!stopped) log.warn({ err }, 'backlog not tended');
    }
  }

  const check = (): Promise<void> => {
    checking ??= look().finally(() => {
      checking = undefined;
    });
    return checking;
  };
  const begin = () => void check();
  const timer = setInterval(begin, EVERY_MS);
  redis.on('ready', begin);
  begin();
  return {
    subscribers: {
      ...subscribers,
      async names() {
        const names = await subscribers.names();
        return names.filter((name) => !overfull.has(name));
      },
    },
    check,
    stop() {
      stopped = true;
      clearInterval(timer);
      redis.off('ready', begin);
    },
  };
}

/** Those that nobody has run for long, and that have as many jobs as they may have. */
async function findOverfull(parts: Parts, names: readonly string[]): Promise<string[]> {
  const { redis, queues, settings, now, log, isDue } = parts;
  const found: string[] = [];
  for (const [name, servedAt] of await createServedTimes(parts).of(names)) {
    if (now() - servedAt < settings.SUBSCRIBER_ABANDONED_MS) continue;
    const queue = queues.get(queueNames.subscriber(name));
    const waiting = await weigh(redis, queue, ['wait', 'delayed'], settings.DEAD_LETTERS);
    const isOverfull = waiting.jobs >= waiting.most;
    if (isOverfull) found.push(name);
    if (!isDue(`abandoned ${name} ${isOverfull}`)) continue;
    const { jobs, bytes } = waiting;
    const line = { subscriber: name, servedAt, waiting: jobs, bytes };
    if (isOverfull) log.error(line, 'abandoned subscriber: nothing more is queued for it');
    else log.warn(line, 'nobody runs this subscriber');
  }
  return found;
}

async function dropDead(parts: Parts, names: readonly string[]): Promise<void> {
  const { redis, queues, settings, log, isDue } = parts;
  for (const name of queuesOf(names)) {
    const queue = queues.get(name);
    const { jobs, bytes, most } = await weigh(redis, queue, ['failed'], settings.DEAD_LETTERS);
    const line = { queue: name, deadLetters: jobs, bytes };
    if (jobs > most) {
      const dropped = await dropOldestDead(queue, jobs - most);
      log.error({ ...line, dropped }, 'too many dead letters: the oldest are dropped');
    } else if (jobs > 0 && isDue(`dead ${name}`)) {
      log.warn(line, 'dead letters: see catwalk redrive');
    }
  }
}

function queuesOf(names: readonly string[]): string[] {
  return [
    queueNames.completions,
    ...[...names, CALLBACK, SLOW_CALLBACK].map(queueNames.subscriber),
  ];
}

function createIsDue(now: () => number): Parts['isDue'] {
  const saidAt = new Map<string, number>();
  return (what) => {
    if (now() - (saidAt.get(what) ?? Number.NEGATIVE_INFINITY) < SAY_EVERY_MS) return false;
    saidAt.set(what, now());
    return true;
  };
}
