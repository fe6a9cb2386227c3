import { setTimeout as wait } from 'node:timers/promises';
import { OUT_OF_MEMORY, READ_ONLY } from '../rig/redis/redis-faults.ts';
import type { FaultKind, PlannedFault, ProcessFault, RedisFault } from './plan-faults.ts';
import { flushScripts, trouble } from './redis-trouble.ts';
import type { Stage } from './stage.ts';

export interface Faults {
  /** Those that found something to break. */
  readonly done: Readonly<Record<FaultKind, number>>;
  /** Processes that did not obey SIGTERM in time. */
  readonly forced: number;
  /** When Redis was killed, Unix ms. */
  readonly redisKilledAtMs: readonly number[];
  /** Resolves when all are over and everything runs again. */
  readonly finished: Promise<void>;
}

/** Carries out the planned faults, from now on. */
export function startFaults(
  planned: readonly PlannedFault[],
  { pipeline, redis, providers }: Pick<Stage, 'pipeline' | 'redis' | 'providers'>,
  signal: AbortSignal,
): Faults {
  const done = nothingDone();
  const redisKilledAtMs: number[] = [];
  let forced = 0;
  let redisIsFree: Promise<void> = Promise.resolve();

  async function breakProcess(kind: ProcessFault, which: number, forMs: number): Promise<void> {
    const programs = kind.endsWith('web') ? pipeline.webs : pipeline.workers;
    const order = programs.map((_, i) => programs[(which + i) % programs.length]);
    // One that is down already is not broken again.
    const program = order.find((candidate) => candidate?.child);
    if (!program) return;
    done[kind] += 1;
    if (await program.end(kind.startsWith('kill') ? 'kill' : 'stop')) forced += 1;
    await wait(forMs);
    program.start();
  }

  async function breakRedis(kind: RedisFault, forMs: number): Promise<void> {
    done[kind] += 1;
    if (kind === 'script-flush') return flushScripts(redis.url);
    if (kind === 'read-only') return trouble(redis.url, READ_ONLY, forMs);
    if (kind === 'out-of-memory') return trouble(redis.url, OUT_OF_MEMORY, forMs);
    redisKilledAtMs.push(Date.now());
    await redis.kill();
    await wait(forMs);
    await redis.start();
  }

  async function carryOut(fault: PlannedFault): Promise<void> {
    await wait(fault.atMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    if ('provider' in fault) {
      done[fault.kind] += 1;
      const { provider, forMs } = fault;
      const answer = fault.kind === 'outage' ? fault.answer : fault.kind;
      await providers.control('outage', { provider, answer, seconds: forMs / 1000 });
    } else if ('which' in fault) await breakProcess(fault.kind, fault.which, fault.forMs);
    else {
      // One after another, so that each finds a Redis that was well.
      redisIsFree = redisIsFree.then(() => breakRedis(fault.kind, fault.forMs));
      await redisIsFree;
    }
  }

  return {
    done,
    get forced() {
      return forced;
    },
    redisKilledAtMs,
    finished: Promise.all(planned.map(carryOut)).then(() => undefined),
  };
}

function nothingDone(): Record<FaultKind, number> {
  return {
    'kill-worker': 0,
    'kill-web': 0,
    'stop-worker': 0,
    'stop-web': 0,
    'kill-redis': 0,
    'script-flush': 0,
    'read-only': 0,
    'out-of-memory': 0,
    outage: 0,
    'unknown-tasks': 0,
  };
}
