import { setMaxListeners } from 'node:events';
import { Redis } from 'ioredis';
import type { WorkerRole } from '../config/env.ts';
import { type Logger, onceInAWhile } from '../config/log.ts';
import { endConnection, endsWithin, stopTimes } from '../config/orderly-stop.ts';
import { queueNames } from '../config/queues.ts';
import { redisTarget, workerConnection } from '../config/redis.ts';
import type { Settings } from '../config/settings.ts';
import { createCircuits } from '../generation/circuit.ts';
import { attemptOf, type Generation } from '../generation/generation.ts';
import { CompletionsJob, RoundJob, SubmitJob } from '../generation/jobs.ts';
import { keysOf } from '../generation/keys.ts';
import { createSchedule } from '../generation/schedule.ts';
import { createStore } from '../generation/store.ts';
import { CALLBACK, createSubscribers } from '../generation/subscribers.ts';
import { createEnqueue } from '../producers/enqueue.ts';
import { createQueueSet } from '../producers/queue-set.ts';
import { createRounds } from '../producers/rounds.ts';
import { createHttpClient } from '../providers/http-client.ts';
import { accountWide, type ProviderAdapter } from '../providers/provider.ts';
import { createOutboundAgent } from '../providers/public-address.ts';
import { deliveryToken } from '../providers/signature.ts';
import { createAdvance } from './advance.ts';
import { createComplete } from './complete.ts';
import { longest } from './longest.ts';
import { createCancelTask, createLookUp } from './reconcile.ts';
import { createRound } from './round.ts';
import { createRules } from './rules.ts';
import { runSubscriber } from './run-subscriber.ts';
import { type RunningWorker, runWorker, type Stage } from './run-worker.ts';
import { createSubmit } from './submit.ts';
import { createCallback } from './subscribers/callback.ts';
import { startTick, type Tick } from './tick.ts';
import { untilTaken } from './until-taken.ts';

export interface WorkerProcess {
  readonly tick: Tick;
  readonly redis: Redis;
  readonly workers: readonly RunningWorker[];
  /**
   * Takes nothing more, finishes what is under way, closes every connection; all within
   * SHUTDOWN_MS, also while Redis is away. What a provider or a callback has not answered shortly
   * before is given up in order: recorded as unknown, or handed back.
   */
  stop(): Promise<void>;
}

const ROUND_CONCURRENCY = 20;
const COMPLETIONS_CONCURRENCY = 8;
/** Loading pictures and the steps before a submission take time besides the submission itself. */
const PROBE_MARGIN_MS = 60_000;
const CALLBACK_LIMITS = { timeoutMs: 15_000, maxBodyBytes: 16 * 1024 };

/**
 * Starts the workers of this process: those of `settings.WORKER_ROLES`, for the providers given.
 * Waits for Redis as long as it takes, unless `beforeFirstJob` loses patience.
 */
export async function startWorkers(
  settings: Settings & { REDIS_URL: string },
  providers: ReadonlyMap<string, ProviderAdapter>,
  log: Logger,
  hooks: {
    /** Awaited before the first worker starts; if it throws, none does. */
    beforeFirstJob?: (redis: Redis) => Promise<void>;
    /** Ends the providers' calls that are under way; see ConnectedProviders. */
    giveUpCalls?: () => void;
  } = {},
  now: () => number = Date.now,
): Promise<WorkerProcess> {
  const keys = keysOf(settings.REDIS_NAMESPACE);
  const over = new AbortController();
  const redis = new Redis(redisTarget(settings.REDIS_URL), workerConnection(over.signal));
  redis.on(
    'error',
    onceInAWhile((err) => log.warn({ err }, 'redis connection')),
  );
  try {
    await hooks.beforeFirstJob?.(redis);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const store = createStore({
    redis,
    keys,
    retentionMs: settings.RETENTION_MS,
    matchedByTask: accountWide(providers),
  });
  const schedule = createSchedule({ redis, keys });
  const subscribers = createSubscribers({ redis, keys });
  const queues = createQueueSet({ connection: redis, prefix: keys.prefix, failFast: false, log });
  const enqueue = createEnqueue(queues);
  const rounds = createRounds(queues, now);
  const rulesFor = createRules(providers, {
    pollProfiles: settings.POLL_PROFILES,
    submitTimeoutMs: settings.SUBMIT_TIMEOUT_MS,
    unconfirmedGraceMs: settings.UNCONFIRMED_GRACE_MS,
    checkPatienceMs: settings.CHECK_PATIENCE_MS,
    onUnknownOutcome: (name) => settings.providers[name]?.onUnknownOutcome ?? 'fail',
  });
  const advance = createAdvance({ store, enqueue, rounds, subscribers, rulesFor, now, log });
  const stopping = new AbortController();
  const patience = stopping.signal;
  // One for each callback under way.
  setMaxListeners(0, patience);
  const callbackHttp = createHttpClient({
    dispatcher: createOutboundAgent({ allowInsecure: settings.ALLOW_INSECURE_URLS }),
    ...CALLBACK_LIMITS,
    signal: patience,
  });

  const running: RunningWorker[] = [];
  const shared = { connection: redis, prefix: keys.prefix, log, now, patience };
  const run = <P>(stage: Stage<P>): void => {
    running.push(runWorker({ ...stage, waitsForRedis: true }, shared));
  };
  const has = (role: WorkerRole): boolean => settings.WORKER_ROLES.includes(role);

  for (const provider of providers.values()) {
    if (has('submit')) await runSubmits(provider);
    if (has('poll')) runRounds(provider);
  }
  if (has('completion')) {
    run({
      queue: queueNames.completions,
      payload: CompletionsJob,
      process: createComplete({ advance, enqueue }),
      concurrency: COMPLETIONS_CONCURRENCY,
      longestMs: longest.completionsMs,
    });
  }
  if (has('subscribers')) {
    const callback = createCallback({ http: callbackHttp, secrets: settings.CATWALK_SECRET, now });
    const longestMs = longest.callbackMs(CALLBACK_LIMITS.timeoutMs);
    running.push(runSubscriber(CALLBACK, callback, shared, longestMs));
  }
  const watched = has('poll') ? [...providers.keys()] : [];
  const tick = startTick({ providers: watched, redis, schedule, rounds, now, log });

  async function runSubmits(provider: ProviderAdapter): Promise<void> {
    const { submits, concurrency } = provider.limits;
    const queue = queues.get(queueNames.submit(provider.name));
    await untilTaken(() => queue.setGlobalConcurrency(concurrency), log);
    const circuits = createCircuits({
      redis,
      keys,
      provider: provider.name,
      settings: {
        failures: settings.CIRCUIT_FAILURES,
        openMs: settings.CIRCUIT_OPEN_MS,
        probeMs: settings.SUBMIT_TIMEOUT_MS + PROBE_MARGIN_MS,
      },
      now,
    });
    const parts = {
      provider,
      store,
      circuits,
      advance,
      enqueue,
      webhookUrl,
      holdQueue: async (ms: number) => {
        await queue.rateLimit(ms);
      },
      patience,
      now,
      log,
    };
    const submit = createSubmit(parts);
    const lookUp = createLookUp(parts);
    const cancelTask = createCancelTask(parts);
    run({
      queue: queue.name,
      payload: SubmitJob,
      process: (job, name) => {
        if (name === 'look-up') return lookUp(job);
        return name === 'cancel' ? cancelTask(job) : submit(job);
      },
      concurrency: settings.SUBMIT_CONCURRENCY,
      longestMs: longest.submitMs(provider, {
        submitTimeoutMs: settings.SUBMIT_TIMEOUT_MS,
        pollTimeoutMs: settings.POLL_TIMEOUT_MS,
      }),
      limiter: { max: submits.max, duration: submits.perMs },
    });
  }

  function runRounds(provider: ProviderAdapter): void {
    const { pollsPerSecond } = provider.limits;
    const leaseMs = settings.LEASE_MS;
    run({
      queue: queueNames.poll(provider.name),
      payload: RoundJob,
      process: createRound({
        provider,
        pollsPerSecond,
        leaseMs,
        schedule,
        rounds,
        advance,
        patience,
        now,
        log,
      }),
      concurrency: ROUND_CONCURRENCY,
      longestMs: longest.roundMs(settings.POLL_TIMEOUT_MS),
    });
  }

  /**
   * The same at every send of one attempt, also when a redrive goes on with an older generation's:
   * FitInView does not say what it does with a known key and another body, and may refuse it. Such
   * a delivery finds its generation ended; the redrive learns the outcome by polls.
   */
  function webhookUrl(generation: Generation): string | undefined {
    const [secret] = settings.CATWALK_SECRET;
    const { provider } = generation;
    const { id, mode } = attemptOf(generation);
    if (!settings.PUBLIC_URL || !secret || mode === 'polling') return undefined;
    if (providers.get(provider)?.webhook?.scope !== 'request') return undefined;
    const path = `/webhooks/${provider}/${id}/${deliveryToken(secret, provider, id)}`;
    return settings.PUBLIC_URL.replace(/\/$/, '') + path;
  }

  async function close(): Promise<void> {
    await queues.close();
    await callbackHttp.close();
    // Redis may have gone a moment ago, and then there is nobody to say goodbye to.
    if (redis.status === 'ready') await redis.quit().catch(() => {});
  }

  return {
    redis,
    tick,
    workers: running,
    async stop() {
      tick.stop();
      const { callsMs, workMs, closeMs } = stopTimes(settings.SHUTDOWN_MS);
      const lastCall = setTimeout(() => {
        stopping.abort();
        hooks.giveUpCalls?.();
      }, callsMs);
      await Promise.all(running.map((worker) => worker.stop(workMs)));
      clearTimeout(lastCall);
      await endsWithin(close(), closeMs);
      over.abort();
      endConnection(redis);
    },
  };
}
