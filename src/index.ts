/**
 * Catwalk as a library: the same producers, workers and rules as its processes, in yours.
 *
 * ```ts
 * const catwalk = await connectCatwalk(process.env);
 * const generation = await catwalk.requestGeneration({ tenant, provider, model, input });
 * await catwalk.onCompletion('orders', async (event) => { … });
 * ```
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { z } from 'zod';
import type { Logger } from './config/log.ts';
import { endsWithin, stopTimes } from './config/orderly-stop.ts';
import { InvalidSettings } from './config/settings.ts';
import { awaitRedis, requireRedis, UnfitRedis } from './config/start-up.ts';
import { assemble, type Core, configure, type Installation } from './core.ts';
import { InvalidRequest } from './generation/errors.ts';
import type { Generation } from './generation/generation.ts';
import { GenerationId } from './generation/ids.ts';
import type { SubscriberJob } from './generation/jobs.ts';
import type { GenerationRequest, Requester } from './producers/request-generation.ts';
import { ProviderModule } from './providers/modules.ts';
import type { ProviderFactory } from './providers/provider-settings.ts';
import { openConnection } from './store/connection.ts';
import { createServedTimes } from './store/served-times.ts';
import { createLastingRegistration } from './store/subscribers.ts';
import {
  type CompletionHandler,
  type LateResultHandler,
  runSubscriber,
} from './workers/engine/run-subscriber.ts';
import type { RunningWorker } from './workers/engine/run-worker.ts';
import { startWorkers, type WorkerProcess } from './workers/start.ts';

export { CannotStart } from './config/start-up.ts';
export { CatwalkError, InvalidRequest, NoRoom, TooMany } from './generation/errors.ts';
export type { Generation } from './generation/generation.ts';
export type { CompletionEvent, LateResultEvent } from './generation/jobs.ts';
export { verifyStandard } from './outbound/signature.ts';
export type { ProviderAdapter } from './providers/provider.ts';
export type { ProviderOptions } from './providers/provider-settings.ts';
export type { CompletionHandler, GenerationRequest, LateResultHandler, ProviderModule, Requester };
export { InvalidSettings };

export interface Catwalk {
  /**
   * Records a generation and queues its submission. Idempotent per tenant and `idempotencyKey`.
   * @throws InvalidRequest naming each wrong field. TooMany when the tenant asks for more than it
   *   may, NoRoom when Redis is too full: ask again after `retryAfterMs`. ioredis's error when Redis is away: it
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
   *
   * `onLateResult` is called, on the same terms, when the provider says that one that had ended
   * without a result is done after all; without it nobody is.
   * Waits while Redis is away. @throws InvalidRequest for a name that cannot be used. CannotStart
   *   when Redis must not be trusted, or `close` was called meanwhile.
   */
  onCompletion(
    name: string,
    handler: CompletionHandler,
    options?: { readonly onLateResult?: LateResultHandler },
  ): Promise<void>;
  /** Unregisters a subscriber; what is queued for it already stays in its queue. */
  removeSubscriber(name: string): Promise<void>;
  /**
   * Runs the workers of `WORKER_ROLES` in this process; waits while Redis is away. A second call
   * does nothing more. @throws CannotStart when Redis must not be trusted, or `close` was called
   *   meanwhile.
   */
  startWorkers(): Promise<void>;
  /**
   * Finishes what is under way and closes every connection, within SHUTDOWN_MS. A handler that takes
   * longer goes on without being waited for, and its event is delivered again elsewhere.
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
  const providers = factoriesOf(options.providers ?? []);
  const installation = await configure(env, { apiKeys: false, providers, log: options.log });
  const core = assemble(installation, { whileAway: 'fail' });
  const { settings, log, redis } = core;
  try {
    await requireRedis(redis, log, REDIS_PATIENCE_MS);
  } catch (error) {
    if (error instanceof UnfitRedis) {
      await installation.close();
      core.end();
      throw error;
    }
    log.error({ err: error }, 'every call rejects until Redis is there');
  }

  const subscriptions = createSubscriptions(core);
  const work = createWork(installation);

  return {
    requestGeneration: ({ tenant, idempotencyKey, ...body }) =>
      core.requestGeneration(body, { tenant, idempotencyKey }),
    getGeneration: core.store.load,
    async cancelGeneration(id) {
      // It travels together with other callers' events, whose job it would spoil.
      const parsed = GenerationId.safeParse(id);
      if (!parsed.success) throw new InvalidRequest('invalid_id', 'This is no id of a generation.');
      await core.enqueue.completion({ id: parsed.data, event: { type: 'cancel' } });
    },
    onCompletion: subscriptions.add,
    removeSubscriber: subscriptions.remove,
    startWorkers: work.start,
    async close() {
      const { workMs, closeMs } = stopTimes(settings.SHUTDOWN_MS);
      await Promise.all([subscriptions.stop(workMs), work.stop()]);
      await endsWithin(Promise.all([core.close(), installation.close()]), closeMs);
      core.end();
      subscriptions.end();
    },
  };
}

/** Often enough for SUBSCRIBER_ABANDONED_MS, which is an hour or more. */
const SERVED_EVERY_MS = 600_000;

/** The handlers of this process, on one connection of their own that waits while Redis is away. */
function createSubscriptions({ settings, keys, subscribers, log, now }: Core) {
  const handlers: RunningWorker[] = [];
  let listening: ReturnType<typeof listen> | undefined;

  function listen() {
    const connection = openConnection({ url: settings.REDIS_URL, whileAway: 'wait', log });
    const { redis } = connection;
    const served = createServedTimes({ redis, keys, now });
    const names = new Set<string>();
    const noteAll = () => void Promise.all([...names].map(served.note)).catch(() => {});
    const timer = setInterval(noteAll, SERVED_EVERY_MS).unref();
    const registration = createLastingRegistration({ redis, keys });
    return { ...connection, served, names, timer, registration };
  }

  return {
    async add(
      name: string,
      handler: CompletionHandler,
      { onLateResult }: { readonly onLateResult?: LateResultHandler } = {},
    ): Promise<void> {
      listening ??= listen();
      const { redis, registration, served, names } = listening;
      await awaitRedis(redis, log);
      await registration.register(name);
      await served.note(name);
      names.add(name);
      const shared = { connection: redis, prefix: keys.prefix, log, now };
      const tell = async ({ event }: SubscriberJob): Promise<void> => {
        if (event.type !== 'generation.late_result') await handler(event);
        else await onLateResult?.(event);
      };
      handlers.push(runSubscriber(name, tell, shared));
    },
    async remove(name: string): Promise<void> {
      listening?.registration.forget(name);
      listening?.names.delete(name);
      await subscribers.remove(name);
    },
    stop: (workMs: number) => Promise.all(handlers.map((handler) => handler.stop(workMs))),
    end: () => {
      clearInterval(listening?.timer);
      listening?.end();
    },
  };
}

/** The workers of this process. They wait while Redis is away, and so they have their own core. */
function createWork(installation: Installation) {
  let work: { readonly core: Core; readonly started: Promise<WorkerProcess> } | undefined;

  async function begin(core: Core): Promise<WorkerProcess> {
    try {
      await awaitRedis(core.redis, core.log);
      return await startWorkers(core, installation.giveUpCalls);
    } catch (error) {
      work = undefined;
      core.end();
      throw error;
    }
  }

  return {
    async start(): Promise<void> {
      if (!work) {
        const core = assemble(installation, { whileAway: 'wait' });
        work = { core, started: begin(core) };
      }
      await work.started;
    },
    async stop(): Promise<void> {
      if (!work) return;
      const { core, started } = work;
      // Those that still wait for Redis have begun nothing, and are not to be waited for.
      const workers = await Promise.race([started.catch(() => undefined), nextTurn(undefined)]);
      if (workers) await workers.stop();
      core.end();
    },
  };
}

/** @throws InvalidSettings naming the field of the one that is handed over wrongly. */
function factoriesOf(given: readonly ProviderModule[]): Map<string, ProviderFactory> {
  return new Map(
    given.map((one, index) => {
      const module = ProviderModule.safeParse(one);
      if (!module.success)
        throw new InvalidSettings(problemsOf(module.error, `providers.${index}`));
      return [module.data.name, module.data.create];
    }),
  );
}

function problemsOf(error: z.ZodError, where: string): string[] {
  return error.issues.map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`);
}
