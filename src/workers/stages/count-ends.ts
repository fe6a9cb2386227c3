import { redisTrouble } from '../../config/redis-errors.ts';
import type { Core } from '../../core.ts';
import type { BeforeTelling } from '../engine/before-telling.ts';

/**
 * Counts each end in its tenant's usage before anybody is told of it: what failed is told, and so
 * counted, again. A defect of ours in the counting stops no telling: the log says so.
 */
export function countingEnds(
  { usage, log }: Pick<Core, 'usage' | 'log'>,
  beforeTelling: BeforeTelling,
): BeforeTelling {
  return async (finished) => {
    const counted = usage.ended(finished).catch((err: unknown) => {
      const trouble = redisTrouble(err);
      if (trouble && trouble !== 'defect') throw err;
      log.error({ err }, 'usage not counted');
    });
    const [tellable] = await Promise.all([beforeTelling(finished), counted]);
    return tellable;
  };
}
