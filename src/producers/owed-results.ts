import { queueNames } from '../config/queues.ts';
import type { VaultJob } from '../generation/jobs.ts';
import type { QueueSet } from './queue-set.ts';

/** Adds a job for each result that is owed. Ids are derived: a job that exists stays as it is. */
export type EnqueueOwed = (results: readonly Omit<VaultJob, 'v'>[]) => Promise<void>;

export function createEnqueueOwed(queues: QueueSet): EnqueueOwed {
  return async (results) => {
    if (results.length === 0) return;
    await queues.get(queueNames.vault).addBulk(
      results.map(({ id, index, tryUntil }) => ({
        name: 'keep',
        data: { v: 1, id, index, tryUntil } satisfies VaultJob,
        opts: { jobId: `keep-${id}-${index}` },
      })),
    );
  };
}
