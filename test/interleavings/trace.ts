import type { Generation } from '../../src/generation/generation.ts';
import type { Actor, Advanced } from './model-advance.ts';
import { DEAD, type JobKind, type ModelRedis } from './model-redis.ts';
import type { Call, Recorder, World } from './world.ts';

/** What the model's Redis holds after a step. */
export interface Snapshot {
  readonly record: Generation | undefined;
  readonly due: number | undefined;
  readonly jobs: readonly {
    readonly id: string;
    readonly kind: JobKind;
    readonly isDead: boolean;
  }[];
}

/** One method of the model's Redis, called at one moment, with what it answered. */
export type RedisStep = {
  [Name in Method]: {
    readonly step: Name;
    readonly args: Parameters<ModelRedis[Name]>;
    readonly answer: ReturnType<ModelRedis[Name]>;
  };
}[Method] & {
  readonly now: number;
  /** Which `advance` it belongs to; undefined when it is no part of one. */
  readonly call: number | undefined;
  readonly after: Snapshot;
};

/** What a schedule did, in its order. A call that does not end belongs to a process that died. */
export type TraceStep =
  | RedisStep
  | ({ readonly step: 'advance'; readonly call: number } & Call)
  | { readonly step: 'advanced'; readonly call: number; readonly results: readonly Advanced[] };

/** Every method of the model's Redis is one atomic step. */
const METHODS = [
  'load',
  'create',
  'saveAll',
  'takeDue',
  'add',
  'addCompletion',
  'ensureRound',
  'finish',
  'makeRoom',
  'failForGood',
  'park',
  'runAgain',
] as const satisfies readonly (keyof ModelRedis)[];
type Method = (typeof METHODS)[number];

/** Notes the steps of one schedule, which must have one generation only. */
export function createRecorder(): Recorder & { readonly trace: readonly TraceStep[] } {
  const trace: TraceStep[] = [];
  let calls = 0;
  let acting: number | undefined;
  let depth = 0;

  return {
    trace,

    watching<Redis extends object>(redis: Redis, world: World): Redis {
      for (const name of METHODS) {
        const plain = Reflect.get(redis, name) as (...args: unknown[]) => unknown; // each is a method
        const noting = (...args: unknown[]): unknown => {
          depth++;
          const answer = plain(...args);
          depth--;
          if (depth > 0) return answer;
          const after = snapshotOf(redis as unknown as ModelRedis); // there is no other
          const step = {
            step: name,
            args: copied(args),
            answer,
            now: world.now,
            call: acting,
            after,
          };
          trace.push(step as RedisStep); // of one method: its own arguments and answer
          return answer;
        };
        Object.assign(redis, { [name]: noting });
      }
      return redis;
    },

    *following(call: Call, steps: Actor<Advanced[]>): Actor<Advanced[]> {
      const number = ++calls;
      // A list of a job that others may still be added to.
      trace.push({ step: 'advance', call: number, ...call, events: [...call.events] });
      for (;;) {
        acting = number;
        const { done, value } = steps.next();
        acting = undefined;
        if (done) {
          trace.push({ step: 'advanced', call: number, results: value });
          return value;
        }
        yield value;
      }
    },
  };
}

function snapshotOf({ record, due, jobs }: ModelRedis): Snapshot {
  return {
    record,
    due,
    jobs: jobs.map(({ id, kind, holder }) => ({ id, kind, isDead: holder === DEAD })),
  };
}

/** Jobs go on changing. */
function copied(args: readonly unknown[]): unknown[] {
  return args.map((arg) => (typeof arg === 'object' ? structuredClone(arg) : arg));
}
