import type { Problem } from './errors.ts';

/**
 * What a value from outside must be before anything recursive sees it (a schema, JSON.stringify, the
 * search for URLs), and so that it comes back from JSON as it was given. The walk here is a loop: its
 * stack is a list, however deep the value is.
 */

/** Levels of objects and lists; the request itself is the first. */
const MAX_DEPTH = 32;
/** More than a request of any model needs; a list that holds one list often multiplies fast. */
const MAX_VALUES = 10_000;

export interface JsonFindings {
  /** One for each place, in the value's own order. */
  readonly problems: readonly Problem[];
  /** No JSON at all, or too deep, or too much: nothing else of it can be judged. */
  readonly isUnreadable: boolean;
  readonly isTooMuch: boolean;
}

/** One value of the walk; `leaves` marks the way back up. */
interface Visit {
  readonly value: unknown;
  readonly field: string;
  readonly depth: number;
  readonly leaves?: true;
}

/**
 * Every place of `value` that JSON would lose, change or choke on.
 *
 * JSON.parse has already rounded a number beyond 2^53 and turned a larger one into Infinity, so both
 * are refused here, where somebody can still mend it. `__proto__` is refused as a name: copying an
 * object drops it, or sets what every object inherits. `constructor` and the like are plain names.
 * @param about.depth of `value` itself; the request is 1.
 * @param about.mayBeAbsent whether a field that is undefined means the same as none.
 */
export function findJsonProblems(
  value: unknown,
  about: { field: string; depth: number; mayBeAbsent: boolean },
): JsonFindings {
  const problems: Problem[] = [];
  const above = new Set<unknown>();
  const visits: Visit[] = [{ value, field: about.field, depth: about.depth }];
  let isUnreadable = false;
  const end = (field: string, message: string, isTooMuch: boolean): JsonFindings => {
    return { problems: [...problems, { field, message }], isUnreadable: true, isTooMuch };
  };

  for (let seen = 0, visit = visits.pop(); visit; visit = visits.pop()) {
    const { value: one, field, depth } = visit;
    if (visit.leaves) {
      above.delete(one);
      continue;
    }
    seen += 1;
    if (seen > MAX_VALUES) return end(about.field, TOO_MUCH, true);
    const unfit = unfitFor(one);
    if (unfit) {
      problems.push({ field, message: unfit });
      isUnreadable ||= typeof one !== 'number';
    }
    if (unfit || typeof one !== 'object' || one === null) continue;
    if (above.has(one)) return end(field, 'holds itself: JSON has no way to say that', false);
    if (depth > MAX_DEPTH) return end(field, TOO_DEEP, false);
    if (Array.isArray(one) && one.length > MAX_VALUES) return end(about.field, TOO_MUCH, true);

    const below = partsOf(one, { field, depth: depth + 1 }).filter(
      (part) => !(about.mayBeAbsent && part.value === undefined && !Array.isArray(one)),
    );
    if (Object.hasOwn(one, '__proto__')) {
      problems.push({ field: fieldBelow(field, '__proto__'), message: PROTO });
    }
    above.add(one);
    visits.push({ ...visit, leaves: true });
    // Its last part goes in first: what was put in last is looked at next.
    for (const part of below.reverse()) visits.push(part);
  }
  return { problems, isUnreadable, isTooMuch: false };
}

/** The name of a field inside another: `input.garmentImages.0`. Long names are cut. */
export function fieldBelow(field: string, key: PropertyKey): string {
  if (field.length > MAX_FIELD) return field;
  const name = String(key);
  const shown = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
  return field === '' ? shown : `${field}.${shown}`;
}

/** What is said of a field must not grow with what somebody sent. */
const MAX_NAME = 64;
const MAX_FIELD = 256;

const TOO_DEEP = `is nested too deeply: a request may have ${MAX_DEPTH} levels`;
const TOO_MUCH = `holds more than ${MAX_VALUES} values`;
const PROTO = 'is a name that JavaScript does not keep: use another';
const TOO_LARGE_A_NUMBER =
  'must be written as a string: JSON numbers beyond 2^53 lose digits on their way';

/** Why JSON cannot hold this as it is, apart from what lies inside it. */
function unfitFor(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      if (Number.isNaN(value)) return 'must be a number that JSON can hold, not NaN';
      return Math.abs(value) > Number.MAX_SAFE_INTEGER ? TOO_LARGE_A_NUMBER : undefined;
    case 'object':
      return value === null || isPlain(value) ? undefined : NOT_PLAIN;
    case 'bigint':
      return 'must be written as a string: JSON has no bigint';
    default:
      return `must be a value that JSON can hold, not ${typeof value}`;
  }
}

const NOT_PLAIN =
  'must be made of plain objects and lists: no Date or other class, no getter, no hidden field, ' +
  'no gap in a list';

/**
 * An object or list whose own fields are all there is to it, and can be read without running
 * anybody's code. Also one from another realm, as test runners have them.
 */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isList = Array.isArray(value);
  const isObject = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isList && !isObject) return false;
  if (isList && value.length > MAX_VALUES) return true;
  if ('toJSON' in value && !Object.hasOwn(value, 'toJSON')) return false;
  const names = Object.keys(value);
  // A list has its length besides.
  if (Reflect.ownKeys(value).length !== names.length + (isList ? 1 : 0)) return false;
  if (isList && names.length !== value.length) return false;
  return names.every((name) => 'value' in (Object.getOwnPropertyDescriptor(value, name) ?? {}));
}

function partsOf(value: object, at: { field: string; depth: number }): Visit[] {
  return Object.entries(value)
    .filter(([key]) => key !== '__proto__')
    .map(([key, part]) => ({
      value: part as unknown, // Object.entries calls it any
      field: fieldBelow(at.field, key),
      depth: at.depth,
    }));
}
