import type { CompletionsJob } from '../../generation/jobs.ts';
import type { Enqueue } from '../../producers/enqueue.ts';
import type { Advance } from '../engine/advance.ts';

/**
 * The only door to a final state. A whole list costs a few round trips; items that were decided
 * before are passed over, and an item that fails alone is put back alone.
 * @throws what failed, when the job holds nothing else.
 */
export function createComplete(parts: {
  advance: Advance;
  enqueue: Enqueue;
}): (job: CompletionsJob) => Promise<undefined> {
  return async ({ items }) => {
    const advanced = await parts.advance.all(items, { finish: true });
    for (const [index, result] of advanced.entries()) {
      const item = items[index];
      if (result.kind !== 'failed' || !item) continue;
      if (items.length === 1) throw result.error;
      await parts.enqueue.completionAlone(item);
    }
    return undefined;
  };
}
