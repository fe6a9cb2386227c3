import { Common, type Generation, type Unsuccessful } from './generation.ts';

/**
 * How a record is made from another, so that no field vanishes because nobody thought of it: whoever
 * builds one must name every field of it, also those that it leaves out, or it does not compile.
 */

/** Every field by name; one that is not there is said to be `undefined`. */
export type Stated<T> = { [K in keyof Required<T>]: K extends keyof T ? T[K] : never };

/** The record with these fields. What is `undefined` is not there at all. */
export function recordOf<Record extends Generation>(stated: Stated<Record>): Record {
  const entries = Object.entries(stated).filter(([, value]) => value !== undefined);
  // Only what `Stated` made of optional fields can have been undefined.
  return Object.fromEntries(entries) as Record;
}

/** The fields that every state has. A transition keeps them all. */
export function commonOf(g: Common): Stated<Common> {
  return picked(g, COMMON_FIELDS);
}

/** What a redrive has of the old record, and what is its own. */
const REDRIVE = {
  id: 'own',
  version: 'own',
  tenant: 'kept',
  provider: 'kept',
  model: 'kept',
  mode: 'kept',
  input: 'kept',
  metadata: 'kept',
  callbackUrl: 'kept',
  createdAt: 'own',
  attempt: 'own',
  sends: 'own',
  refusals: 'own',
  redriveOf: 'own',
  goesOnWith: 'own',
} as const satisfies { [Field in keyof Required<Common>]: 'kept' | 'own' };

type Kept = { [K in keyof Common]-?: (typeof REDRIVE)[K] extends 'kept' ? K : never }[keyof Common];

/** What a redrive takes over from the generation that it tries again. */
export function keptByRedrive(old: Unsuccessful): Stated<Pick<Common, Kept>> {
  return picked(
    old,
    COMMON_FIELDS.filter((field): field is Kept => REDRIVE[field] === 'kept'),
  );
}

/** `Object.keys` says strings only; zod takes a schema's keys from its own type. */
const COMMON_FIELDS = Object.keys(Common.shape) as (keyof Common)[];

function picked<T extends object, Field extends keyof T>(
  from: T,
  fields: readonly Field[],
): Stated<Pick<T, Field>> {
  // Each field is put in by the loop.
  const found = {} as { [K in Field]: T[K] };
  for (const field of fields) found[field] = from[field];
  return found as Stated<Pick<T, Field>>;
}
