import { z } from 'zod';
import { type FinalGeneration, type Generation, Result } from './generation.ts';
import type { GenerationId } from './ids.ts';

/** What is kept of one result: the same words in ledger, event and API. Times are Unix ms. */

/** A file's own marks, taken while it was copied. */
const marks = {
  sha256: z.string(),
  bytes: z.number().int(),
  /** By its content, not by what somebody said of it. */
  contentType: z.string(),
};

/** When the provider's link dies, where anybody says so. */
const expiresAt = { expiresAt: z.number().optional() };
/** The name of our own file, where the provider sent the result as bytes. */
const ownFile = { ownFile: z.string().optional() };

export const KeptState = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('pending'),
    url: z.string(),
    /** What the provider says that it is. */
    claimedType: z.string().optional(),
    since: z.number(),
    /** A copy that fails after this is not tried again. */
    tryUntil: z.number(),
    ...expiresAt,
    ...ownFile,
  }),
  z.object({
    state: z.literal('kept'),
    /** Where it lies in the storage. */
    place: z.string(),
    keptAt: z.number(),
    ...marks,
    ...expiresAt,
    ...ownFile,
  }),
  z.object({
    state: z.literal('lost'),
    why: z.string(),
    lostAt: z.number(),
    ...expiresAt,
    ...ownFile,
  }),
  // Its own file is still named: an erasure that failed in the middle is asked for again.
  z.object({ state: z.literal('erased'), erasedAt: z.number(), ...ownFile }),
]);
export type KeptState = z.infer<typeof KeptState>;
export type InKeptState<S extends KeptState['state']> = Extract<KeptState, { state: S }>;

/** One result of one generation, by its place in the list. */
export interface ResultId {
  readonly id: GenerationId;
  readonly index: number;
}

const [File, Data] = Result.options;

/** A result as event and API show it. Times are ISO 8601. */
export const ShownResult = z.discriminatedUnion('kind', [
  File.omit({ expiresAt: true }).extend({
    /** When the provider's link dies, where anybody says so. Events queued earlier say it in ms. */
    expiresAt: z.union([z.string(), z.number()]).optional(),
    /** Whether we keep it; `off` where no vault does. Absent in events of an earlier version. */
    kept: z.enum(['pending', 'kept', 'lost', 'erased', 'off']).optional(),
    /** Our own link, the same for as long as the result is kept. */
    keptUrl: z.string().optional(),
    sha256: z.string().optional(),
    bytes: z.number().optional(),
    /** Why it is lost. */
    lostBecause: z.string().optional(),
  }),
  Data,
]);
export type ShownResult = z.infer<typeof ShownResult>;

/** The results of a generation as they are shown. */
export type ShowResults = (
  generation: Generation,
  states?: ReadonlyMap<number, KeptState>,
) => ShownResult[];

/**
 * When the provider's link to a result dies (Unix ms): as the provider said, or by its documents.
 * Undefined when nobody says.
 */
export function linkDiesAt(
  generation: Pick<FinalGeneration, 'finishedAt'>,
  result: { readonly expiresAt?: number | undefined },
  documentedLifetimeMs: number | undefined,
): number | undefined {
  if (result.expiresAt !== undefined) return result.expiresAt;
  return documentedLifetimeMs && generation.finishedAt + documentedLifetimeMs;
}

/** What there is to see of results that nobody keeps. */
export function shownUnkept(
  generation: Generation,
  documentedLifetimeMs?: number | undefined,
): ShownResult[] {
  if (generation.state !== 'completed') return [];
  return generation.results.map((result): ShownResult => {
    if (result.kind === 'data') return result;
    return {
      ...withDeath(result, linkDiesAt(generation, result, documentedLifetimeMs)),
      kept: 'off',
    };
  });
}

/** The file's own fields, and when its link dies, for people. */
export function withDeath(
  { expiresAt: _, ...file }: Extract<Result, { kind: 'file' }>,
  diesAt: number | undefined,
) {
  return { ...file, ...(diesAt !== undefined && { expiresAt: new Date(diesAt).toISOString() }) };
}
