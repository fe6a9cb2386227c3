import type { DeferReason } from './hold-reasons.ts';

/**
 * The error taxonomy. What may be done about an error is its class; what happened is its `code`,
 * which is stable and what callers and tests compare. Messages are for people and never hold
 * keys, signatures, image URLs or bodies.
 */
export abstract class CatwalkError extends Error {
  readonly code: string;
  /** Of a call that brought no good answer. */
  declare readonly met?: CallTrouble;

  constructor(code: string, message: string, options?: ErrorDetails) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    if (options?.met) this.met = options.met;
    Object.defineProperty(this, KINDS, { value: kindsOf(new.target) });
  }

  /**
   * By what it is called, not by who made it: an adapter of your own may have loaded another copy
   * of this package, and its "certainly not accepted" must still be understood.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(KINDS in value)) return false;
    // biome-ignore lint/complexity/noThisInStatic: `this` is whichever subclass is asked about.
    return Array.isArray(value[KINDS]) && value[KINDS].includes(this.name);
  }
}

/** What a call met: an answer that is no success, none in time, or no connection that held. */
export type CallTrouble = `http_${number}` | 'timeout' | 'unreachable';

interface ErrorDetails {
  readonly cause?: unknown;
  readonly met?: CallTrouble | undefined;
}

/** Shared by every copy of this module in the process. */
const KINDS = Symbol.for('catwalk.error.kinds');

/** The names of a class and of those it extends, up to `CatwalkError`. */
function kindsOf(made: object): string[] {
  const kinds: string[] = [];
  for (let one: unknown = made; typeof one === 'function' && one !== Error; ) {
    kinds.push(one.name);
    one = Object.getPrototypeOf(one);
  }
  return kinds;
}

/** One thing that is wrong with a request: which field, and what to do about it. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** The caller's fault. Answered 4xx and never queued. */
export class InvalidRequest extends CatwalkError {
  readonly problems: readonly Problem[];

  constructor(code: string, message: string, problems: readonly Problem[] = []) {
    super(code, message);
    this.problems = problems;
  }
}

/** Redis is too full for anything new. Nothing was stored; what was accepted before goes on. */
export class NoRoom extends CatwalkError {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('redis_memory_full', message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Passing trouble, certainly without effect at the other side: the same call may be repeated. */
export class Retryable extends CatwalkError {
  declare readonly code: DeferReason;
  readonly retryAfterMs: number | undefined;
  /** The verdict if a submission meets this again and again; undefined: it waits for its turn. */
  readonly ifItLasts: Terminal | undefined;
  /** As for `Terminal`. */
  readonly answered: boolean;

  constructor(
    code: DeferReason,
    message: string,
    options: ErrorDetails & {
      retryAfterMs?: number | undefined;
      ifItLasts?: Terminal | undefined;
      answered?: boolean;
    } = {},
  ) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs;
    this.ifItLasts = options.ifItLasts;
    this.answered = options.answered ?? false;
  }
}

/** The final no, the provider's or our own. The code is the reason that the app is told. */
export class Terminal extends CatwalkError {
  /**
   * Whether the provider itself said so, in its answer about this request: that proves that it is
   * there, as our own finding does not. False unless told.
   */
  readonly answered: boolean;

  constructor(
    code: string,
    message: string,
    options: { answered?: boolean; cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.answered = options.answered ?? false;
  }
}

/** The request left and its answer was lost. Look it up; never blindly submit again. */
export class OutcomeUnknown extends CatwalkError {}

/** An invariant of ours broke. Loud and final: no retry mends a bug. */
export class Defect extends CatwalkError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('defect', message, options);
  }
}

/** The tenant asks for more than it may, for now. Answered 429; nothing is stored. */
export class TooMany extends CatwalkError {
  /** Which of its limits, and how full that is. */
  readonly limit: { readonly name: string; readonly used: number; readonly most: number };
  readonly retryAfterMs: number;

  constructor(limit: TooMany['limit'], retryAfterMs: number) {
    const { name, used, most } = limit;
    const what = LIMITS[name] ?? name;
    super(`too_many_${name}`, `${what}: ${used} of ${most}. Ask again after Retry-After.`);
    this.limit = limit;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A tenant's limits, by what the scripts call them. */
const LIMITS: Readonly<Record<string, string>> = {
  requests: 'Requests at once',
  waiting: 'Generations that wait to be sent',
  in_flight: 'Generations that are being sent or run',
  waiting_at_provider: 'Generations that wait to be sent to this provider',
  in_flight_at_provider: 'Generations that are being sent to this provider or run there',
};

/** Its turn is not its own (any more): it is not sent, and waits for the next. */
export class NotItsTurn extends CatwalkError {
  constructor() {
    super('not_its_turn', 'It is not its turn to be sent.');
  }
}

/** This process does not know the provider or model; another one, newer or older, may. */
export class NotKnownHere extends CatwalkError {
  constructor(message: string) {
    super('not_known_here', message);
  }
}
