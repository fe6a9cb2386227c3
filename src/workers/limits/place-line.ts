import { setTimeout as pause } from 'node:timers/promises';
import type { Places } from '../../store/places.ts';

/** Those of this process that wait for a place among a provider's running tasks, in their order. */
export interface PlaceLine {
  /**
   * @param waits called once, when it does not get one at once.
   * @returns whether it has a place; false when it waited too long, or this process stops.
   */
  place(id: string, waits: () => Promise<unknown>): Promise<boolean>;
  /** It got a place and is not sent. */
  giveBack(id: string): Promise<void>;
  /** Nobody waits any longer. */
  stop(): void;
}

/** How soon a place that was freed is seen. One command of this process in so long, however many wait. */
const LOOK_EVERY_MS = 500;
/**
 * A job does not wait for longer, but goes back to the head of its queue. Each start of a job counts
 * against the provider's rate, so this is not shorter.
 */
export const LONGEST_PLACE_WAIT_MS = 60_000;

interface Waiting {
  readonly id: string;
  readonly until: number;
  readonly settle: (result: boolean | Promise<never>) => void;
}

export function createPlaceLine(parts: {
  readonly places: Pick<Places, 'take' | 'giveBack'>;
  readonly now: () => number;
}): PlaceLine {
  const { places, now } = parts;
  const line: Waiting[] = [];
  const stopping = new AbortController();
  let isServed = false;

  /** Looks for the first of the line only: the others' turn comes after it. */
  async function serve(): Promise<void> {
    isServed = true;
    while (line.length > 0) {
      await pause(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      let isFree = !stopping.signal.aborted;
      while (isFree && line[0]) isFree = await serveFirst(line[0]);
      const over = (one: Waiting) => stopping.signal.aborted || now() >= one.until;
      while (line[0] && over(line[0])) line.shift()?.settle(false);
    }
    isServed = false;
  }

  async function serveFirst(first: Waiting): Promise<boolean> {
    try {
      if (!(await places.take(first.id))) return false;
      first.settle(true);
    } catch (error) {
      first.settle(Promise.reject(error));
    }
    line.shift();
    return true;
  }

  return {
    async place(id, waits) {
      if (line.length === 0 && (await places.take(id))) return true;
      await waits();
      if (stopping.signal.aborted) return false;
      const waited = new Promise<boolean>((settle) => {
        line.push({ id, until: now() + LONGEST_PLACE_WAIT_MS, settle });
      });
      if (!isServed) void serve();
      return waited;
    },
    giveBack: places.giveBack,
    stop: () => stopping.abort(),
  };
}
