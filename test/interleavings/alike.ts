import { isDeepStrictEqual } from 'node:util';
import { Drift } from './real-calls.ts';

export function isAlike(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

/** As it is written: a field of undefined is none. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** @throws Drift when they differ. */
export function same(what: string, real: unknown, model: unknown): void {
  if (isAlike(real, model)) return;
  throw new Drift(`${what}: really ${JSON.stringify(real)}, in the model ${JSON.stringify(model)}`);
}

/** What the model notes for the replay alone. */
export function without<Answer extends object>(answer: Answer): Answer {
  return { ...answer, repeated: undefined, alike: undefined };
}
