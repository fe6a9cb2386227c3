import type { Redis } from 'ioredis';
import type { Logger } from '../../config/log.ts';
import { ROUND_SLOT_MS, TICK_MS } from '../../config/queues.ts';
import { isRedisBusy } from '../../config/redis-errors.ts';
import type { Rounds } from '../../producers/rounds.ts';
import type { Schedule } from '../../store/schedule.ts';

export interface Tick {
  /** Unix ms of the last check that Redis answered, if only that it is busy; for /livez. */
  lastSeenAt(): number;
  stop(): void;
}

/**
 * The safety net under the rounds: if the earliest due time of a provider has passed and nothing
 * was done about it, a round is missing (Redis lost it, or a worker died), and one is added. Costs
 * one Redis command per provider and tick; all workers together add one round a slot.
 */
export function startTick(parts: {
  /** Whose rounds to watch; none where this process does not poll: then only Redis is asked. */
  providers: readonly string[];
  redis: Redis;
  schedule: Schedule;
  rounds: Rounds;
  now: () => number;
  log: Logger;
}): Tick {
  const { providers, redis, schedule, rounds, now, log } = parts;
  let lastSeenAt = now();
  let busy = false;

  const check = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      const earliest = providers.length > 0 ? await schedule.earliest(providers) : [];
      if (providers.length === 0) await redis.ping();
      lastSeenAt = now();
      const late = providers.filter(
        (_, i) => (earliest[i] ?? Infinity) < now() - 2 * ROUND_SLOT_MS,
      );
      await Promise.all(late.map((provider) => rounds.ensure(provider, now() + 1)));
    } catch (err) {
      if (isRedisBusy(err)) lastSeenAt = now();
      log.warn({ err }, 'tick failed');
    } finally {
      busy = false;
    }
  };

  const timer = setInterval(() => void check(), TICK_MS);
  return { lastSeenAt: () => lastSeenAt, stop: () => clearInterval(timer) };
}
