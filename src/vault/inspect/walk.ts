/** What a format's description asks of the stream it walks along. */
export type Wish =
  /** So many bytes, to be looked at. Answered undefined when the file ends right here. */
  | { readonly take: number }
  | { readonly skip: number }
  /** All up to and with this byte. */
  | { readonly past: number };

/** What the walk along a whole file has found. */
export interface Found {
  readonly width?: number;
  readonly height?: number;
}

/** Why a file is not whole, or not what its first bytes promise. */
export class Broken extends Error {}

/**
 * A format, as a walk along its bytes: it asks, and is handed what it asked for. It returns when the
 * file is whole; what comes after that is passed over, as decoders do. @throws Broken
 */
export type Format = () => Generator<Wish, Found, Buffer | undefined>;

/** Walks along a file that comes in pieces; keeps no more of it than one wish of a few bytes. */
export interface Walk {
  add(piece: Buffer): void;
  /** The file is over. @throws Broken when something was still to come. */
  end(): Found;
}

/** No format looks at more at once; whoever asks for more is not to be held for us. */
const MOST_TAKEN = 64 * 1024;

export function walk(format: Format): Walk {
  const steps = format();
  let wish = steps.next();
  let taken: Buffer[] = [];
  let left = amountOf(wish);

  const next = (bytes: Buffer | undefined): void => {
    wish = steps.next(bytes);
    taken = [];
    left = amountOf(wish);
  };

  return {
    add(piece) {
      let rest = piece;
      while (rest.length > 0 && !wish.done) {
        const asked = wish.value;
        if ('past' in asked) {
          const at = rest.indexOf(asked.past);
          rest = at < 0 ? rest.subarray(rest.length) : rest.subarray(at + 1);
          if (at >= 0) next(undefined);
          continue;
        }
        const part = rest.subarray(0, Math.min(left, rest.length));
        if ('take' in asked) taken.push(part);
        left -= part.length;
        rest = rest.subarray(part.length);
        if (left === 0) next('take' in asked ? Buffer.concat(taken) : undefined);
      }
    },
    end() {
      // Some formats may end between two of their parts.
      if (!wish.done && 'take' in wish.value && taken.length === 0) next(undefined);
      if (wish.done) return wish.value;
      throw new Broken('it ends too early');
    },
  };
}

function amountOf(wish: IteratorResult<Wish, Found>): number {
  if (wish.done || 'past' in wish.value) return 0;
  const amount = 'take' in wish.value ? wish.value.take : wish.value.skip;
  const isSane = Number.isSafeInteger(amount) && amount > 0;
  if (!isSane || ('take' in wish.value && amount > MOST_TAKEN)) throw new Broken('it is damaged');
  return amount;
}
