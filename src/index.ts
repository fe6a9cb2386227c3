/**
 * Catwalk as a library: the same producers, workers and rules as its processes, in yours.
 *
 * ```ts
 * const catwalk = await connectCatwalk(process.env);
 * const generation = await catwalk.requestGeneration({ tenant, provider, model, input });
 * await catwalk.onCompletion('orders', async (event) => { … });
 * ```
 */
import { Redis } from 'ioredis';
import type { z } from 'zod';
import { createLogger, type Logger, onceInAWhile } from './config/log.ts';
import { endConnection, endsWithin, stopTimes } from './config/orderly-stop.ts';
import { producerConnection, redisTarget, workerConnection } from './config/redis.ts';
import { InvalidSettings } from './config/settings.ts';
import { readProcessSettings, requireRedis } from './config/start-up.ts';
import { InvalidRequest } from './generation/errors.ts';
import type { Generation } from './generation/generation.ts';
import { GenerationId } from './generation/ids.ts';
import { createEnqueue } from './producers/enqueue.ts';
import { createQueueSet } from './producers/queue-set.ts';
import {
  createRequestGeneration,
  type GenerationRequest,
  type Requester,
} from './producers/request-generation.ts';
import { connectProviders } from './providers/connect.ts';
import { loadFactories, ProviderModule } from './providers/modules.ts';
import { keysOf } from './store/keys.ts';
import { createStore } from './store/store.ts';
import { createLastingRegistration, createSubscribers } from './store/subscribers.ts';
import { type CompletionHandler, runSubscriber } from './workers/engine/run-subscriber.ts';
import type { RunningWorker } from './workers/engine/run-worker.ts';
import { startWorkers, type WorkerProcess } from './workers/start.ts';

export { CannotStart } from './config/start-up.ts';
export { CatwalkError, InvalidRequest } from './generation/errors.ts';
export type { Generation } from './generation/generation.ts';
export type { CompletionEvent } from './generation/jobs.ts';
export { verifyStandard } from './outbound/signature.ts';
export type { ProviderAdapter } from './providers/provider.ts';
export type { ProviderOptions } from './providers/provider-settings.ts';
export type { CompletionHandler, GenerationRequest, ProviderModule, Requester };
export { InvalidSettings };

export interface Catwalk {
  /**
   * Records a generation and queues its submission. Idempotent per tenant and `idempotencyKey`.
   * @throws InvalidRequest naming each wrong field. ioredis's error when Redis is away: it
   *   may or may not have been recorded, so call again with the same `idempotencyKey`.
   */
  requestGeneration(
    request: GenerationRequest & Requester,
  ): Promise<{ generation: Generation; created: boolean }>;
  /** Undefined when it never was, or is past its retention. */
  getGeneration(id: string): Promise<Generation | undefined>;
  /**
   * Asks for its end; the outcome follows as a completion event. After the end: no effect.
   * @throws InvalidRequest for what cannot be the id of a generation.
   */
  cancelGeneration(id: string): Promise<void>;
  /**
   * Registers a subscriber for ever and runs it in this process. Every completion from now on
   * reaches it at least once, also those of the time when no process runs it; `event.id` is the
   * same at every repeat. What the handler throws is tried again with growing waits.
   * @throws InvalidRequest for a name that cannot be used. CannotStart when Redis is away.
   */
  onCompletion(name: string, handler: CompletionHandler): Promise<void>;
  /** Unregisters a subscriber; what is queued for it already stays in its queue. */
  removeSubscriber(name: string): Promise<void>;
  /**
   * Runs the workers of `WORKER_ROLES` in this process. A second call does nothing more.
   * @throws CannotStart when Redis is away; call again.
   */
  startWorkers(): Promise<void>;
  /**
   * Finishes what is under way and closes every connection, within SHUTDOWN_MS. A handler that takes
   * longer goes on without being waited for, and its event is told again elsewhere.
   */
  close(): Promise<void>;
}

/** How long the first connection to Redis is waited for. */
const REDIS_PATIENCE_MS = 2_000;

/**
 * Connects to Redis with the settings of docs/settings.md, usually `process.env`. When Redis does
 * not answer within two seconds, calls reject at once until it does.
 * @param options.providers adapters of your own, beside or instead of the built-in ones.
 * @throws InvalidSettings naming every setting that is wrong. CannotStart when Redis must not be
 *   trusted with generations.
 */
export async function connectCatwalk(
  env: Readonly<Record<string, string | undefined>>,
  options: { log?: Logger; providers?: readonly ProviderModule[] } = {},
): Promise<Catwalk> {
  const factories = new Map(await loadFactories(env['PROVIDER_MODULES']));
  for (const [index, given] of (options.providers ?? []).entries()) {
    const module = ProviderModule.safeParse(given);
    if (!module.success) throw new InvalidSettings(problemsOf(module.error, `providers.${index}`));
    factories.set(module.data.name, module.data.create);
  }
  const settings = readProcessSettings(env, { apiKeys: false, providerNames: factories.keys() });
  const log = options.log ?? createLogger(settings.LOG_LEVEL, settings.secretValues);
  const keys = keysOf(settings.REDIS_NAMESPACE);
  const connect = (how: typeof producerConnection | ReturnType<typeof workerConnection>): Redis => {
    const client = new Redis(redisTarget(settings.REDIS_URL), how);
    client.on(
      'error',
      onceInAWhile((err) => log.warn({ err }, 'redis connection')),
    );
    return client;
  };

  const redis = connect(producerConnection);
  const store = createStore({ redis, keys, retentionMs: settings.RETENTION_MS });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: true, log });
  const enqueue = createEnqueue(queues);
  const connected = connectProviders(settings, factories);
  const request = createRequestGeneration({
    store,
    enqueue,
    providers: connected.providers,
    publicUrl: settings.PUBLIC_URL,
    allowInsecureUrls: settings.ALLOW_INSECURE_URLS,
    maxQueuedMs: settings.MAX_QUEUED_MS,
    now: Date.now,
    onSubmitJobLost: (err, generation) =>
      log.warn({ generation: generation.id, err }, 'accepted; the schedule will submit it'),
  });

  const disconnect = async (): Promise<void> => {
    await queues.close();
    await connected.close();
    redis.disconnect();
  };
  try {
    await requireRedis(redis, log, REDIS_PATIENCE_MS);
  } catch (error) {
    if (redis.status === 'ready') {
      await disconnect();
      throw error;
    }
    log.error({ err: error }, 'every call rejects until Redis is there');
  }

  const over = new AbortController();
  let listening: ReturnType<typeof listen> | undefined;
  let workers: Promise<WorkerProcess> | undefined;
  const handlers: RunningWorker[] = [];

  const listen = () => {
    const client = connect(workerConnection(over.signal));
    return { redis: client, registration: createLastingRegistration({ redis: client, keys }) };
  };

  return {
    requestGeneration: ({ tenant, idempotencyKey, ...body }) =>
      request(body, { tenant, idempotencyKey }),
    getGeneration: store.load,
    async cancelGeneration(id) {
      // It travels together with other callers' events, whose job it would spoil.
      const parsed = GenerationId.safeParse(id);
      if (!parsed.success) throw new InvalidRequest('invalid_id', 'This is no id of a generation.');
      await enqueue.completion({ id: parsed.data, event: { type: 'cancel' } });
    },
    async onCompletion(name, handler) {
      listening ??= listen();
      await requireRedis(listening.redis, log, REDIS_PATIENCE_MS);
      await listening.registration.register(name);
      const shared = { connection: listening.redis, prefix: keys.prefix, log, now: Date.now };
      handlers.push(runSubscriber(name, async ({ event }) => handler(event), shared));
    },
    async removeSubscriber(name) {
      listening?.registration.forget(name);
      await createSubscribers({ redis, keys }).remove(name);
    },
    async startWorkers() {
      workers ??= startWorkers(settings, connected.providers, log, {
        beforeFirstJob: (client) => requireRedis(client, log, REDIS_PATIENCE_MS),
        giveUpCalls: connected.giveUpCalls,
      });
      workers.catch(() => {
        workers = undefined;
      });
      await workers;
    },
    async close() {
      const { workMs, closeMs } = stopTimes(settings.SHUTDOWN_MS);
      const stopWorkers = async (): Promise<void> => (await workers)?.stop();
      await Promise.all([...handlers.map((handler) => handler.stop(workMs)), stopWorkers()]);
      await endsWithin(disconnect(), closeMs);
      over.abort();
      redis.disconnect();
      if (listening) endConnection(listening.redis);
    },
  };
}

function problemsOf(error: z.ZodError, where: string): string[] {
  return error.issues.map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`);
}
