import { setTimeout as wait } from 'node:timers/promises';
import { type Logger, onceInAWhile } from '../../config/log.ts';
import { isRedisBusy } from '../../config/redis-errors.ts';

const AGAIN_MS = 500;

/**
 * Repeats what must be written before work can begin until Redis takes it, as it is waited for while
 * Redis is away. @throws any other error.
 */
export async function untilTaken(write: () => Promise<unknown>, log: Logger): Promise<void> {
  const report = onceInAWhile((err) => log.warn({ err }, 'Redis takes no writes; waiting'));
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      if (!(error instanceof Error) || !isRedisBusy(error)) throw error;
      report(error);
      await wait(AGAIN_MS);
    }
  }
}
