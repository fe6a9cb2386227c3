import { queueNames } from '../../config/queues.ts';
import {
  type CompletionEvent,
  type LateResultEvent,
  SUBSCRIBER_JOB_VERSIONS,
  SubscriberJob,
} from '../../generation/jobs.ts';
import { type RunningWorker, runWorker } from './run-worker.ts';
import type { SharedParts } from './stage.ts';

/** Called at least once for every completion; a repeat carries the same `event.id`. */
export type CompletionHandler = (event: CompletionEvent) => void | Promise<void>;
/** Called at least once for every late result; a repeat carries the same `event.id`. */
export type LateResultHandler = (event: LateResultEvent) => void | Promise<void>;

const CONCURRENCY = 25;

/**
 * Runs the queue of an app's own subscriber in this process. What `process` throws is tried again with growing
 * waits; after the last try the job stays in the queue's failed set, its dead letters.
 */
export function runSubscriber(
  name: string,
  process: (job: SubscriberJob) => Promise<void>,
  shared: SharedParts,
): RunningWorker {
  return runWorker(
    {
      queue: queueNames.subscriber(name),
      payload: SubscriberJob,
      versions: SUBSCRIBER_JOB_VERSIONS,
      process: async (job) => {
        await process(job);
        return undefined;
      },
      concurrency: CONCURRENCY,
    },
    shared,
  );
}
