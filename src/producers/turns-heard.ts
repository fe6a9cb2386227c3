import type { Logger } from '../config/log.ts';
import type { OnTurns, Turn } from '../store/turns.ts';
import type { Enqueue } from './enqueue.ts';

export interface TurnsHeard {
  readonly onTurns: OnTurns;
  /** Resolves when no job is being added. */
  settled(): Promise<void>;
}

/**
 * Adds the jobs of those whose turn it is. Never fails: a turn whose job is not there is seen by
 * whoever tends the turns.
 */
export function createTurnsHeard(enqueue: Pick<Enqueue, 'turns'>, log: Logger): TurnsHeard {
  const adding = new Set<Promise<void>>();
  return {
    async onTurns(turns) {
      const one = enqueue.turns(turns).catch((err: unknown) => {
        log.warn({ turns: turns.map(({ id }: Turn) => id), err }, 'sent a little later');
      });
      adding.add(one);
      await one.finally(() => adding.delete(one));
    },
    settled: async () => {
      await Promise.all(adding);
    },
  };
}
