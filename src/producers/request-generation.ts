import type { TenantLimits } from '../config/tenants.ts';
import { InvalidRequest } from '../generation/errors.ts';
import { recordOf } from '../generation/fields.ts';
import { type Generation, type InState, modeOf } from '../generation/generation.ts';
import { fingerprint, newGenerationId } from '../generation/ids.ts';
import { REISSUE_FIRST_MS } from '../generation/reissue.ts';
import type { Earlier } from '../store/create-record.ts';
import type { MemoryBrake } from '../store/memory-brake.ts';
import type { Store } from '../store/store.ts';
import type { OnTurns, Turns } from '../store/turns.ts';
import {
  type CheckedRequest,
  createRequestCheck,
  type GenerationRequest,
  type KnownProvider,
  type Requester,
} from './check-request.ts';

export type { GenerationRequest, Requester };

export type RequestGeneration = (
  request: unknown,
  from: Requester,
) => Promise<{ generation: Generation; created: boolean }>;

interface Parts {
  readonly store: Store;
  readonly memoryBrake: MemoryBrake;
  readonly turns: Pick<Turns, 'enter'>;
  readonly onTurns: OnTurns;
  /** What a tenant may have. */
  readonly limitsOf: (tenant: string) => TenantLimits;
  readonly providers: ReadonlyMap<string, KnownProvider>;
  readonly publicUrl: string | undefined;
  readonly allowInsecureUrls: boolean;
  /** Whether there is a vault. */
  readonly keepsResults?: boolean;
  readonly maxQueuedMs: number;
  readonly now: () => number;
}

/**
 * The one door for new generations. Checks everything first; then record, schedule and idempotency
 * entry are written in one step, in which it gets into its tenant's line, or its turn at once; then
 * its submit job follows. When only that last step fails the request has still been accepted, and
 * the job is added a little later.
 *
 * A second call with the same idempotency key and body answers the first generation.
 * @throws InvalidRequest naming each field that is wrong, see `createRequestCheck`, or
 *   `idempotency_conflict`, or `generation_no_longer_kept`; NoRoom when Redis is too full. Nothing has
 *   been written then.
 */
export function createRequestGeneration(parts: Parts): RequestGeneration {
  const { store } = parts;
  const check = createRequestCheck(parts);

  return async (body, who) => {
    const checked = check(body, who);
    const key = checked.from.idempotencyKey;
    const once = key === undefined ? undefined : onceEntry(key, checked.request);
    await parts.memoryBrake.admit({ tenant: checked.from.tenant, onceKey: once?.key });
    const generation = queuedGeneration(parts, checked, once?.key);
    const { providers: limits, ...admission } = parts.limitsOf(generation.tenant);
    const here = limits[generation.provider];
    const earlier = await store.create(generation, once, { ...admission, here });
    // Its own id: ioredis sent the same write twice because a connection broke.
    const isNew = !earlier || earlier.id === generation.id;
    const stored = isNew ? generation : await replay(store, earlier, once);
    // Whoever asks again may have been answered 503 before the job of its turn was there.
    if (!isNew && stored.version === 1) await hearAgain(parts, stored);
    return { generation: stored, created: isNew };
  };
}

/** The first version of a record. */
function queuedGeneration(
  { publicUrl, maxQueuedMs, now }: Parts,
  { from, request, provider, input }: CheckedRequest,
  onceKey: string | undefined,
): InState<'queued'> {
  const nowMs = now();
  return recordOf<InState<'queued'>>({
    id: newGenerationId(nowMs),
    version: 1,
    tenant: from.tenant,
    provider: request.provider,
    model: request.model,
    mode: modeOf({ publicUrl, webhook: provider.webhook }),
    input,
    metadata: request.metadata,
    callbackUrl: request.callbackUrl || undefined,
    createdAt: nowMs,
    lane: request.lane === 'batch' ? 'batch' : undefined,
    listPrice: provider.models[request.model]?.price,
    onceKey,
    attempt: 1,
    sends: 0,
    refusals: 0,
    denials: undefined,
    redriveOf: undefined,
    isTest: provider.isTest || undefined,
    keptResults: request.results === 'kept' || undefined,
    goesOnWith: undefined,
    state: 'queued',
    prepared: undefined,
    hold: undefined,
    deadlineAt: nowMs + maxQueuedMs,
    // If no worker has started on it by then, the schedule issues the submit job again.
    dueAt: nowMs + REISSUE_FIRST_MS,
  });
}

async function hearAgain({ turns, onTurns }: Parts, generation: Generation): Promise<void> {
  const turn = await turns.enter(generation);
  if (turn) await onTurns([turn]);
}

/**
 * What the same idempotency key made before. @throws InvalidRequest if it was used otherwise, or if
 *   what it made has ended and is not kept any more: to begin it anew would pay a second time.
 */
async function replay(
  store: Store,
  earlier: Earlier,
  once: Pick<Earlier, 'bodyFingerprint'> | undefined,
): Promise<Generation> {
  if (earlier.bodyFingerprint === once?.bodyFingerprint) {
    const generation = await store.load(earlier.id);
    if (generation) return generation;
    throw new InvalidRequest(
      'generation_no_longer_kept',
      `Generation ${earlier.id}, which this Idempotency-Key made, has ended, and is not kept any more.`,
      [{ field: 'Idempotency-Key', message: 'use a new one to ask for another generation' }],
    );
  }
  throw new InvalidRequest(
    'idempotency_conflict',
    'This Idempotency-Key was used for another request, which is open or ended less than 24 hours ago.',
    [{ field: 'Idempotency-Key', message: 'was used for another request body' }],
  );
}

function onceEntry(key: string, request: GenerationRequest) {
  const { lane, ...rest } = request;
  // Said or left out, it is the same lane.
  const body = lane === 'batch' ? request : rest;
  return { key: fingerprint(key), bodyFingerprint: fingerprint(stableJson(body)) };
}

/** JSON with sorted keys: the order in which an app writes its fields does not matter. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
