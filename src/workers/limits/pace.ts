import type { Enqueue } from '../../producers/enqueue.ts';
import type { Pace, Turns } from '../../store/turns.ts';
import type { LimitsInForce } from './limits-in-force.ts';

/** How fast one provider may be used, as the scripts that give out turns know it. */
export interface PaceOf {
  /** Notes it if it has changed, so that turns are given out by it at once. */
  note(): Promise<void>;
  /**
   * The same in any case, and what nobody else would do: gives out what is free, and adds the jobs of
   * turns that have not begun for long.
   */
  tend(): Promise<void>;
}

/**
 * So long a turn may wait for its job to begin. Its job may wait for the provider's rate all the same:
 * then there is one of that id, and a second is not added.
 */
const TURN_LEASE_MS = 10_000;
/** Ready to be sent at once: as many as go in this time. More would stand before who comes next. */
const WINDOW_MS = 100;
const [LEAST_WINDOW, MOST_WINDOW] = [2, 500];

export function createPaceOf(parts: {
  readonly provider: string;
  readonly limits: Pick<LimitsInForce, 'limiter' | 'running'>;
  readonly turns: Pick<Turns, 'tend'>;
  readonly enqueue: Pick<Enqueue, 'turns'>;
}): PaceOf {
  const { provider, limits, turns, enqueue } = parts;
  let noted: Pace | undefined;

  function pace(): Pace {
    const { max, duration } = limits.limiter();
    const window = Math.ceil((max * WINDOW_MS) / duration);
    return {
      places: limits.running(),
      window: Math.min(Math.max(window, LEAST_WINDOW), MOST_WINDOW),
    };
  }

  async function tend(): Promise<void> {
    const now = pace();
    const stale = await turns.tend(provider, now, TURN_LEASE_MS);
    noted = now;
    await enqueue.turns(stale, true);
  }

  return {
    tend,
    async note() {
      const { places, window } = pace();
      if (noted?.places !== places || noted?.window !== window) await tend();
    },
  };
}
