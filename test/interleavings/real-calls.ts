import { setImmediate as turn } from 'node:timers/promises';

/** What the real code asked for and was not yet given: it goes on when the model does. */
interface Waiting {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly run: () => Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Within this the real code gets to its next door; one turn of the event loop is usual. */
const LONGEST_MS = 1_000;

/** Something that the real code does otherwise than the model. */
export class Drift extends Error {}

/**
 * The doors between one call of the real code and Redis. Whoever goes through waits until the model
 * takes the same step; then the real thing is done, and the call goes on to its next door.
 */
export function createDoors() {
  const waiting: Waiting[] = [];
  /** Who was let through last: perhaps without an answer yet. */
  let inside: Waiting | undefined;
  let isClosed = false;

  return {
    waiting,

    /** The same function, behind a door. */
    behind:
      <Args extends unknown[], Answer>(name: string, plain: (...args: Args) => Promise<Answer>) =>
      (...args: Args): Promise<Answer> =>
        new Promise<Answer>((resolve, reject) => {
          const run = () => plain(...args);
          const answered = resolve as (answer: unknown) => void; // by `run`, of this very door
          if (isClosed) reject(new Error('its process died'));
          else waiting.push({ name, args, run, resolve: answered, reject });
        }),

    /**
     * Lets the one through that waits at this door.
     * @throws Drift when nobody does.
     */
    async open(name: string, fits: (...args: never[]) => boolean = () => true) {
      const isIt = (one: Waiting) => one.name === name && fits(...(one.args as never[])); // by its name
      const startedAt = performance.now();
      while (!waiting.some(isIt)) {
        if (performance.now() - startedAt > LONGEST_MS) {
          throw new Drift(`the model does ${name}, the real code ${this.asks()}`);
        }
        await turn();
      }
      const [one] = waiting.splice(waiting.findIndex(isIt), 1) as [Waiting]; // it is there
      inside = one;
      const answer = await one.run();
      return {
        args: one.args,
        answer,
        /** The call goes on with this answer, as far as its next door. */
        async giveBack(given: unknown = answer): Promise<void> {
          one.resolve(given);
          await turn();
        },
      };
    },

    /** What the real code waits for, for people. */
    asks: (): string => waiting.map(({ name }) => name).join(', ') || 'nothing',

    /** The process died: whatever it waits for never comes. */
    close(): void {
      isClosed = true;
      for (const { reject } of [...waiting.splice(0), ...(inside ? [inside] : [])])
        reject(new Error('its process died'));
    },
  };
}

export type Doors = ReturnType<typeof createDoors>;
