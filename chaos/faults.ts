import { setTimeout as wait } from 'node:timers/promises';
import type { Pipeline } from './pipeline.ts';
import type { PlannedKill, Victim } from './plan.ts';
import type { KillableRedis } from './redis.ts';

export interface Kills {
  /** Kills that found something to kill. */
  readonly done: Readonly<Record<Victim, number>>;
  /** When Redis was killed, Unix ms. */
  readonly redisAtMs: readonly number[];
  /** Resolves when all are done and everything runs again. */
  readonly finished: Promise<void>;
}

/** Carries out the planned kills, from now on. */
export function startKills(
  planned: readonly PlannedKill[],
  pipeline: Pipeline,
  redis: KillableRedis,
  signal: AbortSignal,
): Kills {
  const done = { worker: 0, web: 0, redis: 0 };
  const redisAtMs: number[] = [];
  let isRedisAway = false;

  async function killRedis(downMs: number): Promise<void> {
    if (isRedisAway) return;
    isRedisAway = true;
    redisAtMs.push(Date.now());
    await redis.kill();
    done.redis += 1;
    await wait(downMs);
    await redis.start();
    isRedisAway = false;
  }

  async function killProgram({ victim, which, downMs }: PlannedKill): Promise<void> {
    const programs = victim === 'web' ? pipeline.webs : pipeline.workers;
    const program = programs[which % programs.length];
    // One that is down already is not killed again.
    if (!(await program?.kill())) return;
    if (victim !== 'redis') done[victim] += 1;
    await wait(downMs);
    program?.start();
  }

  const all = planned.map(async (kill) => {
    await wait(kill.atMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    await (kill.victim === 'redis' ? killRedis(kill.downMs) : killProgram(kill));
  });
  return { done, redisAtMs, finished: Promise.all(all).then(() => undefined) };
}
