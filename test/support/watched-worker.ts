import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { z } from 'zod';
import { runWorker } from '../../src/workers/engine/run-worker.ts';
import type { Stage } from '../../src/workers/engine/stage.ts';
import { startWatch } from '../../src/workers/liveness/watch.ts';
import { createLatch } from './latch.ts';

/** A worker for the queue `stage` and the watch of its process, with a clock that a test moves. */
export function startWatchedWorker(
  { connection, prefix }: { readonly connection: Redis; readonly prefix: string },
  {
    endless,
    ...stage
  }: Partial<Pick<Stage<unknown>, 'limiter' | 'longestMs' | 'concurrency'>> & {
    /** Jobs that do not end before `end` is opened. */
    readonly endless?: boolean | undefined;
  },
) {
  const clock = { now: Date.now() };
  const shared = { log: pino({ level: 'silent' }), now: () => clock.now };
  const end = createLatch();
  let taken = 0;
  const worker = runWorker(
    {
      queue: 'stage',
      payload: z.object({ v: z.literal(1) }),
      process: async () => {
        taken += 1;
        if (endless) await end.opened;
        return undefined;
      },
      concurrency: 5,
      ...stage,
    },
    { connection, prefix, ...shared },
  );
  const watch = startWatch({
    tick: { lastSeenAt: shared.now },
    redis: connection,
    workers: [worker],
    writeCheckKey: `${prefix}:write-check`,
    ...shared,
  });
  return {
    clock,
    watch,
    end,
    taken: () => taken,
    /** Lets the jobs end, waiting for them no longer than this. */
    async stop(withinMs: number): Promise<void> {
      end.open();
      watch.stop();
      await worker.stop(withinMs);
    },
  };
}
