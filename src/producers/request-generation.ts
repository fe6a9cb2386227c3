import { InvalidRequest } from '../generation/errors.ts';
import { recordOf } from '../generation/fields.ts';
import { type Generation, type InState, modeOf } from '../generation/generation.ts';
import { fingerprint, newGenerationId } from '../generation/ids.ts';
import { REISSUE_FIRST_MS } from '../generation/reissue.ts';
import type { Store } from '../store/store.ts';
import {
  createRequestCheck,
  type GenerationRequest,
  type KnownProvider,
  type Requester,
} from './check-request.ts';
import type { Enqueue } from './enqueue.ts';

export type { GenerationRequest, Requester };

export type RequestGeneration = (
  request: unknown,
  from: Requester,
) => Promise<{ generation: Generation; created: boolean }>;

/**
 * The one door for new generations. Checks everything first; then record, schedule and idempotency
 * entry are written in one step, and the submit job follows. When only that last step fails the
 * request has still been accepted: the schedule issues the job again.
 *
 * A second call with the same idempotency key and body answers the first generation.
 * @throws InvalidRequest naming each field that is wrong, see `createRequestCheck`, or
 *   `idempotency_conflict`; nothing has been written then.
 */
export function createRequestGeneration(options: {
  store: Store;
  enqueue: Enqueue;
  providers: ReadonlyMap<string, KnownProvider>;
  publicUrl: string | undefined;
  allowInsecureUrls: boolean;
  maxQueuedMs: number;
  now: () => number;
  onSubmitJobLost: (error: unknown, generation: Generation) => void;
}): RequestGeneration {
  const { store, enqueue, now } = options;
  const check = createRequestCheck(options);

  return async (body, who) => {
    const { from, request, provider, input } = check(body, who);
    const key = from.idempotencyKey;
    const once = key === undefined ? undefined : onceEntry(key, request);

    const nowMs = now();
    const generation = recordOf<InState<'queued'>>({
      id: newGenerationId(nowMs),
      version: 1,
      tenant: from.tenant,
      provider: request.provider,
      model: request.model,
      mode: modeOf({ publicUrl: options.publicUrl, webhook: provider.webhook }),
      input,
      metadata: request.metadata,
      callbackUrl: request.callbackUrl || undefined,
      createdAt: nowMs,
      attempt: 1,
      sends: 0,
      refusals: 0,
      redriveOf: undefined,
      goesOnWith: undefined,
      state: 'queued',
      prepared: undefined,
      hold: undefined,
      deadlineAt: nowMs + options.maxQueuedMs,
      // If no worker has started on it by then, the schedule issues the submit job again.
      dueAt: nowMs + REISSUE_FIRST_MS,
    });
    const earlier = await store.create(generation, once);
    // Its own id: ioredis sent the same write twice because a connection broke.
    const isNew = !earlier || earlier.id === generation.id;
    const stored = isNew ? generation : await replay(earlier, once);
    // Whoever asks again may have been answered 503 between the record and its job.
    if (stored.version === 1) await addJob(stored);
    return { generation: stored, created: isNew };
  };

  async function addJob(generation: Generation): Promise<void> {
    await enqueue.submit(generation, 0).catch((error: unknown) => {
      options.onSubmitJobLost(error, generation);
    });
  }

  async function replay(
    earlier: { id: string; bodyFingerprint: string },
    once: { bodyFingerprint: string } | undefined,
  ): Promise<Generation> {
    const generation = await store.load(earlier.id);
    if (generation && earlier.bodyFingerprint === once?.bodyFingerprint) return generation;
    throw new InvalidRequest(
      'idempotency_conflict',
      'This Idempotency-Key was used within 24 hours for another request. Use a new key.',
      [{ field: 'Idempotency-Key', message: 'was used for another request body' }],
    );
  }
}

function onceEntry(key: string, request: GenerationRequest) {
  return { key: fingerprint(key), bodyFingerprint: fingerprint(stableJson(request)) };
}

/** JSON with sorted keys: the order in which an app writes its fields does not matter. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
