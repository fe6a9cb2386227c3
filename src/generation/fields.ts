import type { Common, Generation } from './generation.ts';

/**
 * How a record is made from another, so that no field vanishes because nobody thought of it: whoever
 * builds one must name every field of it, also those that it leaves out, or it does not compile.
 */

/** Every field by name; one that is not there is said to be `undefined`. */
type Stated<T> = { [K in keyof Required<T>]: K extends keyof T ? T[K] : never };

/** The record with these fields. What is `undefined` is not there at all. */
export function recordOf<Record extends Generation>(stated: Stated<Record>): Record {
  const found: { [field: string]: unknown } = {};
  for (const field in stated) if (stated[field] !== undefined) found[field] = stated[field];
  // Only what `Stated` made of optional fields can have been undefined.
  return found as Record;
}

/** The fields that every state has. A transition keeps them all. */
export function commonOf(g: Common): Stated<Common> {
  const { id, version, tenant, provider, model, mode, input, metadata, callbackUrl } = g;
  const { createdAt, listPrice, onceKey, attempt, sends, refusals, redriveOf, isTest, goesOnWith } =
    g;
  const { lane, denials, keptResults } = g;
  return {
    id,
    version,
    tenant,
    provider,
    model,
    mode,
    input,
    metadata,
    callbackUrl,
    createdAt,
    listPrice,
    onceKey,
    attempt,
    sends,
    refusals,
    denials,
    redriveOf,
    isTest,
    lane,
    keptResults,
    goesOnWith,
  };
}
