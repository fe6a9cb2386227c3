import { jobOptions, queueNames } from '../config/queues.ts';
import type { Generation } from '../generation/generation.ts';
import {
  type CompletionEvent,
  type CompletionItem,
  type CompletionsJob,
  type LateResultEvent,
  MOST_ITEMS,
  type RoundJob,
  SUBMIT_JOBS,
  type SubmitJob,
  type SubscriberJob,
} from '../generation/jobs.ts';
import { coalesce } from '../store/coalesce.ts';
import type { CallbackLane } from '../store/endpoints.ts';
import { CALLBACK, SLOW_CALLBACK } from '../store/subscribers.ts';
import type { Turn } from '../store/turns.ts';
import type { QueueSet } from './queue-set.ts';

/**
 * One function per queue, the only code that adds jobs. Ids are derived wherever adding twice must
 * be harmless. Each resolves once Redis has the jobs, and rejects when it may not have them.
 */
export interface Enqueue {
  /**
   * Sends the generation to its provider after `delayMs`, if it is its turn then. `again`: the
   * schedule issues it once more; a job of it that waits stays where it is, one that failed for good
   * makes room.
   */
  submit(generation: Generation, delayMs: number, again?: boolean): Promise<void>;
  /** Sends those whose turn it is. `again`: their jobs may be lost. */
  turns(turns: readonly Turn[], again?: boolean): Promise<void>;
  /** Asks the provider whether it ever got the generation. */
  lookUp(generation: Generation): Promise<void>;
  /** Asks the provider to stop a canceled generation's task. */
  cancelTask(generation: Generation): Promise<void>;
  /** What happened to generations; those of one turn of the event loop travel as one job. */
  completion(item: CompletionItem): Promise<void>;
  /** The same for an item that failed among others: it gets a job, and attempts, of its own. */
  completionAlone(item: CompletionItem): Promise<void>;
  /** Tells one subscriber. */
  subscriber(
    name: string,
    event: CompletionEvent | LateResultEvent,
    callbackUrl?: string,
  ): Promise<void>;
  /**
   * The same callback in the other lane, after `delayMs`, with the tries that are left to it. Repeated
   * for the same job it adds nothing: the new one's id says how often it was moved.
   */
  movedCallback(job: SubscriberJob, to: MovedTo): Promise<void>;
}

interface MovedTo {
  readonly lane: CallbackLane;
  readonly delayMs: number;
  /** All that were made so far. */
  readonly tries: number;
  readonly stays: boolean;
}

interface Job {
  name: string;
  data: SubmitJob | RoundJob | CompletionsJob | SubscriberJob;
  opts: { jobId: string; delay?: number; attempts?: number };
}

/** A deterministic id frees itself when its job is done; see docs/decisions on job ids. */
export function createEnqueue(queues: QueueSet): Enqueue {
  const add = createAdder(queues);
  return {
    completion: coalesce((items: CompletionItem[]) => addCompletions(queues, items), MOST_ITEMS),
    completionAlone: async (item) => {
      await addCompletions(queues, [item]);
    },
    submit: async (g, delayMs, again) => {
      const name = queueNames.submit(g.provider);
      const jobId = `submit-${step(g)}`;
      if (again) await makeRoom(queues, name, jobId);
      await add(name, {
        name: SUBMIT_JOBS.submit,
        data: { v: 1, id: g.id },
        opts: { jobId, ...(delayMs > 0 && { delay: Math.ceil(delayMs) }) },
      });
    },
    turns: async (turns, again) => {
      const adding = turns.map(async ({ id, provider, at }) => {
        const name = queueNames.submit(provider);
        const jobId = `turn-${id}-${at}`;
        if (again) await makeRoom(queues, name, jobId);
        const data: SubmitJob = { v: 1, id, turn: at };
        await add(name, { name: SUBMIT_JOBS.submit, data, opts: { jobId } });
      });
      await Promise.all(adding);
    },
    lookUp: async (g) => {
      const name = queueNames.submit(g.provider);
      const jobId = `look-up-${step(g)}`;
      // A search that failed for good would otherwise be the last one.
      await makeRoom(queues, name, jobId);
      await add(name, { name: SUBMIT_JOBS.lookUp, data: { v: 1, id: g.id }, opts: { jobId } });
    },
    cancelTask: (g) =>
      add(queueNames.submit(g.provider), {
        name: SUBMIT_JOBS.cancelTask,
        data: { v: 1, id: g.id },
        opts: { jobId: `cancel-${g.id}` },
      }),
    subscriber: (name, event, callbackUrl) =>
      add(queueNames.subscriber(name), {
        name: event.type,
        ...subscriberJob(event, callbackUrl),
      }),
    movedCallback: (job, to) =>
      add(queueNames.subscriber(to.lane === 'slow' ? SLOW_CALLBACK : CALLBACK), {
        name: job.event.type,
        ...movedJob(job, to),
      }),
  };
}

function subscriberJob(
  event: CompletionEvent | LateResultEvent,
  callbackUrl: string | undefined,
): Pick<Job, 'data' | 'opts'> {
  const jobId = `notify-${event.data.generationId}`;
  const to = callbackUrl === undefined ? {} : { callbackUrl };
  return event.type === 'generation.late_result'
    ? { data: { v: 2, event, ...to }, opts: { jobId: `${jobId}-late` } }
    : { data: { v: 1, event, ...to }, opts: { jobId } };
}

function movedJob(job: SubscriberJob, to: MovedTo): Pick<Job, 'data' | 'opts'> {
  const { delayMs, tries, stays } = to;
  const times = (job.moved?.times ?? 0) + 1;
  const { opts } = subscriberJob(job.event, job.callbackUrl);
  const attempts = Math.max(1, (jobOptions.subscriber.attempts ?? 1) - tries);
  return {
    data: { ...job, moved: { times, tries, stays } },
    opts: { jobId: `${opts.jobId}-${times}`, attempts, ...(delayMs > 0 && { delay: delayMs }) },
  };
}

/** Adds jobs; those of one queue and one turn of the event loop together. */
function createAdder(queues: QueueSet): (queueName: string, job: Job) => Promise<void> {
  const adders = new Map<string, (job: Job) => Promise<void>>();
  return (queueName, job) => {
    let adder = adders.get(queueName);
    if (!adder) {
      const queue = queues.get(queueName);
      adder = coalesce(async (jobs: Job[]) => {
        await queue.addBulk(jobs);
        return jobs.map(() => undefined);
      });
      adders.set(queueName, adder);
    }
    return adder(job);
  };
}

async function addCompletions(queues: QueueSet, items: CompletionItem[]): Promise<undefined[]> {
  const data: CompletionsJob = { v: 1, items };
  await queues.get(queueNames.completions).add('completions', data);
  return items.map(() => undefined);
}

/** BullMQ ignores an add while a job of that id exists, a failed one too. */
async function makeRoom(queues: QueueSet, queueName: string, jobId: string): Promise<void> {
  const job = await queues.get(queueName).getJob(jobId);
  if (job && (await job.isFailed())) await job.remove();
}

/** The same until the generation has been sent or refused: a re-issue does not pile up. */
function step(g: Generation): string {
  return `${g.id}-${g.sends}-${g.refusals}`;
}
