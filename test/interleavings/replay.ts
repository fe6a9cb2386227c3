import { Player, type Server } from './player.ts';
import { Drift } from './real-calls.ts';
import { createRealRedis } from './real-redis.ts';
import type { Situation } from './situation.ts';
import type { TraceStep } from './trace.ts';

/**
 * Plays a trace of the model again with the real `advance`, store, schedule, queues and Redis, each
 * process halted wherever the model's was, and compares what they hold after every step.
 */
export function createReplay(server: Server) {
  const real = createRealRedis(server);
  return { play, close: () => real.queues.close() };

  /** @throws Drift at the first step after which the two differ. */
  async function play(trace: readonly TraceStep[], situation: Situation): Promise<void> {
    const player = await Player.begin(server, real, situation);
    try {
      for (const [n, step] of trace.entries()) {
        await player.take(step).catch((error: unknown) => {
          if (!(error instanceof Drift)) throw error;
          throw new Drift(`step ${n}, ${step.step}: ${error.message}`);
        });
      }
    } finally {
      await player.end();
    }
  }
}
