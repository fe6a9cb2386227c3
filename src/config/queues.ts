import type { JobsOptions } from 'bullmq';

const DAY_S = 86_400;

/** The kinds of queue of which there are several: one for each provider, or subscriber. */
const FAMILIES = ['submit', 'poll', 'subscriber'] as const;
type Family = (typeof FAMILIES)[number];

/** Every queue's name. One submit and one poll queue per provider: its own limits and pause. */
export const queueNames = {
  submit: nameIn('submit'),
  poll: nameIn('poll'),
  completions: 'completions',
  subscriber: nameIn('subscriber'),
  vault: 'vault',
} as const;

function nameIn(family: Family) {
  return (of: string): string => `${family}-${of}`;
}

/** Which kind of queue it is, and whose. */
export type QueueName =
  | { readonly family: Family; readonly of: string }
  | { readonly family: 'completions' | 'vault' };

/** Takes apart what `queueNames` builds; undefined for a name that is none of ours. */
export function readQueueName(name: string): QueueName | undefined {
  if (name === queueNames.completions || name === queueNames.vault) return { family: name };
  const family = FAMILIES.find((one) => name.startsWith(nameIn(one)('')));
  return family && { family, of: name.slice(nameIn(family)('').length) };
}

/**
 * How long a subscriber's done job stays: while its id exists, the same event cannot be queued a
 * second time. That is tried when a worker died between the jobs and the note that all are told (the
 * schedule tells again after 32 s), or is taken for dead (LEASE_MS, five minutes at most; 20 s for a
 * job's lock and its stalled check). Twice the longest of these; about 2 KB each meanwhile.
 */
export const DONE_JOBS_KEPT_S = 600;

/** Eighty a second for all that time: no usual load comes near, and no flood fills Redis with them. */
const MOST_DONE_JOBS = 50_000;

/** Jobs that BullMQ removes when another one is done: few, for nothing else runs meanwhile. */
const REMOVED_AT_ONCE = 100;

/** Jobs in any failed set. Looked after, and told about, long before: DEAD_LETTERS. */
export const MOST_DEAD_LETTERS = 100_000;

/** What each kind of queue keeps and how often it tries; a job's own options only add a delay. */
export const jobOptions: Readonly<Record<QueueName['family'], JobsOptions>> = {
  /**
   * Attempts here are for our own trouble (Redis, a bug); a provider's "not now" spends none. Done
   * jobs vanish at once: their ids are derived, and a kept one would block the next of its name.
   */
  submit: {
    attempts: 10,
    backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
    removeOnComplete: true,
    removeOnFail: { age: 14 * DAY_S, count: 10_000 },
    stackTraceLimit: 1,
  },
  /** A lost round is added again by any worker's tick, so none is worth retrying or keeping. */
  poll: { removeOnComplete: true, removeOnFail: { age: DAY_S, count: 100 }, stackTraceLimit: 1 },
  /** Its done jobs are kept to be looked at; what they say again is passed over by the record. */
  completions: {
    attempts: 15,
    backoff: { type: 'exponential', delay: 250, jitter: 0.5 },
    removeOnComplete: { age: DONE_JOBS_KEPT_S, count: 1_000, limit: REMOVED_AT_ONCE },
    removeOnFail: { age: 14 * DAY_S, count: MOST_DEAD_LETTERS },
    stackTraceLimit: 1,
  },
  /**
   * A result's own tries are "not yet" and spend none of these. What is given up makes room at once:
   * the ledger says what still has to be kept, and the look at it adds a job of the same id.
   */
  vault: {
    attempts: 10,
    backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
    removeOnComplete: true,
    removeOnFail: true,
    stackTraceLimit: 1,
  },
  /** About 16 hours of trying; then the failed set is this subscriber's dead-letter set. */
  subscriber: {
    attempts: 12,
    backoff: { type: 'delivery' },
    removeOnComplete: { age: DONE_JOBS_KEPT_S, count: MOST_DONE_JOBS, limit: REMOVED_AT_ONCE },
    removeOnFail: { age: 30 * DAY_S, count: MOST_DEAD_LETTERS },
    stackTraceLimit: 1,
  },
};

/**
 * Waits between deliveries to a subscriber, in ms; the last one repeats. After the schedule that
 * the Standard Webhooks specification gives as its example, shortened at both ends.
 */
export const DELIVERY_BACKOFF_MS = [
  1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000,
] as const;

/** What BullMQ's workers are told; every queue the same. */
export const WORKER_OPTIONS = {
  /** A lost worker's jobs are taken over after at most about these two together. */
  lockDuration: 15_000,
  stalledInterval: 5_000,
  /** Seconds between the looks of an idle worker; jobs and due times wake it at once anyway. */
  drainDelay: 15,
  /** How long a worker may sleep while its queue is held, before it sees that an operator lifted it. */
  maximumRateLimitDelay: 5_000,
  /** Every crash counts once for the life of a job, so one is not enough (BullMQ's default). */
  maxStalledCount: 20,
} as const;

/**
 * Where a queue has a global concurrency BullMQ forgets a due time that it looks at while all places
 * are taken, and such a job waits for the next look: every so many seconds, as long as the queue was
 * busy a moment ago.
 */
export const BUSY_DRAIN_DELAY_S = 3;
export const BUSY_FOR_MS = 60_000;

/** Rounds are gathered into slots of this length: one job serves all that falls due in it. */
export const ROUND_SLOT_MS = 250;
/** The most a round takes at a time. */
export const ROUND_SIZE = 200;
/** How often a worker looks whether a round is missing. One Redis command per provider. */
export const TICK_MS = 2_000;
