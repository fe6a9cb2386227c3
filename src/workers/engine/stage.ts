import type { RateLimiterOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { z } from 'zod';
import type { Logger } from '../../config/log.ts';

/** What a processor may say instead of being done. It spends no attempt. */
export interface NotYet {
  /** Unix ms: run this job again then. */
  readonly notBefore: number;
  /** It stays the first of its queue and runs as soon as that allows it, instead of then. */
  readonly atHead?: true;
}

/** How often a job has failed, and may. */
export interface Tries {
  readonly made: number;
  readonly most: number;
}

export interface Stage<Payload> {
  readonly queue: string;
  readonly payload: z.ZodType<Payload>;
  /** The versions that `payload` reads; those of generation/jobs.ts unless told. */
  readonly versions?: readonly number[];
  /**
   * Runs at least once for every job, and sometimes twice at the same time: everything it does must
   * bear that. `name` is the job's.
   */
  readonly process: (payload: Payload, name: string, tries: Tries) => Promise<NotYet | undefined>;
  readonly concurrency: number;
  /** Longer than `process` can take while Redis is there; absent where nobody can say. */
  readonly longestMs?: number;
  /** For queues with limits. Needed for `queue.rateLimit` to reach this worker at all. */
  readonly limiter?: RateLimiterOptions;
  /**
   * Its work is done in our own Redis: while that refuses, its jobs wait and spend no attempt. Not
   * for a subscriber, whose handler may mean another Redis.
   */
  readonly waitsForRedis?: true;
}

/** What the workers of one process have in common. */
export interface SharedParts {
  readonly connection: Redis;
  readonly prefix: string;
  readonly log: Logger;
  readonly now: () => number;
  /** From its end on, a job that fails is handed back: it failed because this process stops. */
  readonly shutdownSignal?: AbortSignal;
}
