import { z } from 'zod';
import { InvalidRequest, type Problem } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import { fingerprint, newGenerationId } from '../generation/ids.ts';
import { checkPublicUrl, findUrlProblems } from '../generation/image-url.ts';
import type { Store } from '../generation/store.ts';
import type { Enqueue } from './enqueue.ts';

/** What an app asks for. The same shape over HTTP and in the library. */
export const GenerationRequest = z.strictObject({
  /** Which provider, for example `fashn`. */
  provider: z.string(),
  /** Which of its models, for example `tryon-v1.6`. */
  model: z.string(),
  /** What that model takes; images are public https URLs. */
  input: z.record(z.string(), z.unknown()),
  /** Yours; comes back unchanged with the completion event. At most 4 KB as JSON. */
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** Where Catwalk posts the signed completion event. */
  callbackUrl: z.string().max(2048).optional(),
});
export type GenerationRequest = z.infer<typeof GenerationRequest>;

/** As much of a provider as is needed to accept a request for it. */
export interface KnownProvider {
  readonly models: Readonly<Record<string, { readonly input: z.ZodType<Record<string, unknown>> }>>;
  /** Present when the provider can call us. */
  readonly webhook?: unknown;
}

/** Who asks: comes from the API key, or from the library's caller. */
export const Requester = z.object({
  tenant: z.string().regex(/^[\w.-]{1,64}$/, 'takes 1-64 letters, digits, - _ or .'),
  /** The app's own; remembered for 24 h. */
  idempotencyKey: z.string().min(1).max(255).optional(),
});
export type Requester = z.infer<typeof Requester>;

export type RequestGeneration = (
  request: unknown,
  from: Requester,
) => Promise<{ generation: Generation; created: boolean }>;

const MAX_METADATA_BYTES = 4096;
/** If no worker has started on it by then, the schedule issues the submit job again. */
const SUBMIT_OVERDUE_MS = 30_000;

/**
 * The one door for new generations. Checks everything first; then record, schedule and idempotency
 * entry are written in one step, and the submit job follows. When only that last step fails the
 * request has still been accepted: the schedule issues the job again.
 *
 * A second call with the same idempotency key and body answers the first generation.
 * @throws InvalidRequest naming each field that is wrong; nothing has been written then.
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
  const { store, enqueue, providers, now } = options;
  const urlPolicy = { allowInsecure: options.allowInsecureUrls };

  return async (body, who) => {
    const from = parse(Requester, who, '');
    const request = parse(GenerationRequest, body, '');
    const provider = providers.get(request.provider);
    if (!provider) throw unknown('provider', request.provider, [...providers.keys()]);
    const model = ownEntry(provider.models, request.model);
    if (!model) throw unknown('model', request.model, Object.keys(provider.models));
    const input = parse(model.input, request.input, 'input');
    checkUrls(request, input, urlPolicy);
    checkSize(request.metadata);
    const key = from.idempotencyKey;
    const once = key === undefined ? undefined : onceEntry(key, request);

    const nowMs = now();
    const generation = {
      id: newGenerationId(nowMs),
      version: 1,
      tenant: from.tenant,
      provider: request.provider,
      model: request.model,
      mode: options.publicUrl && provider.webhook ? ('hybrid' as const) : ('polling' as const),
      input,
      ...(request.metadata && { metadata: request.metadata }),
      ...(request.callbackUrl && { callbackUrl: request.callbackUrl }),
      createdAt: nowMs,
      attempt: 1,
      sends: 0,
      refusals: 0,
      state: 'queued' as const,
      deadlineAt: nowMs + options.maxQueuedMs,
      dueAt: nowMs + SUBMIT_OVERDUE_MS,
    };
    const earlier = await store.create(generation, once);
    // Our own id: ioredis sent the same write twice because a connection broke.
    if (earlier && earlier.id !== generation.id)
      return { generation: await replay(earlier, once), created: false };

    await enqueue.submit(generation, 0).catch((error: unknown) => {
      options.onSubmitJobLost(error, generation);
    });
    return { generation, created: true };
  };

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

/** Over HTTP the key is a header. */
function shownName(part: PropertyKey): string {
  return part === 'idempotencyKey' ? 'Idempotency-Key' : String(part);
}

/** Not what every object inherits: `constructor` is no model. */
function ownEntry<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

function parse<T>(schema: z.ZodType<T>, value: unknown, within: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => {
    const field = (...more: PropertyKey[]): string =>
      [within, ...issue.path, ...more]
        .filter((part) => part !== '')
        .map(shownName)
        .join('.') || 'body';
    if (issue.code !== 'unrecognized_keys') return { field: field(), message: issue.message };
    return issue.keys.map((key) => ({ field: field(key), message: 'is not a known field' }));
  });
  throw new InvalidRequest('invalid_request', summary(problems), problems);
}

function unknown(field: 'provider' | 'model', got: string, known: string[]): InvalidRequest {
  const hint = known.length > 0 ? `use one of: ${known.join(', ')}` : 'none is configured';
  const message = `unknown ${field} "${got.slice(0, 64)}"; ${hint}`;
  return new InvalidRequest(`unknown_${field}`, message, [{ field, message }]);
}

function checkUrls(
  request: GenerationRequest,
  input: Record<string, unknown>,
  policy: { allowInsecure: boolean },
): void {
  const problems: Problem[] = findUrlProblems(input, policy);
  const callback = request.callbackUrl && checkPublicUrl(request.callbackUrl, policy);
  if (callback) problems.push({ field: 'callbackUrl', message: callback });
  if (problems.length > 0) {
    throw new InvalidRequest('url_not_allowed', summary(problems), problems);
  }
}

function checkSize(metadata: Record<string, unknown> | undefined): void {
  if (!metadata || (jsonBytes(metadata) ?? Infinity) <= MAX_METADATA_BYTES) return;
  const message = `must be at most ${MAX_METADATA_BYTES} bytes as JSON; keep an id here, not a document`;
  const problem = { field: 'metadata', message };
  throw new InvalidRequest('metadata_too_large', summary([problem]), [problem]);
}

/** Undefined for what JSON cannot hold: a number too large, or nesting without an end. */
function jsonBytes(value: unknown): number | undefined {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    return undefined;
  }
}

function onceEntry(key: string, request: GenerationRequest) {
  return { key: fingerprint(key), bodyFingerprint: fingerprint(stableJson(request)) };
}

function summary(problems: readonly Problem[]): string {
  return problems.map(({ field, message }) => `${field}: ${message}`).join('; ');
}

/** JSON with sorted keys: the order in which an app writes its fields does not matter. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
