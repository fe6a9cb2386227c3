import { setMaxListeners } from 'node:events';
import type { Redis } from 'ioredis';
import type { Dispatcher } from 'undici';
import type { WorkerRole } from '../config/env.ts';
import { endsWithin, stopTimes } from '../config/orderly-stop.ts';
import { queueNames } from '../config/queues.ts';
import type { Core } from '../core.ts';
import { createOutboundAgent } from '../outbound/public-address.ts';
import { createEnqueueOwed } from '../producers/owed-results.ts';
import { writeShares } from '../store/shares.ts';
import type { Vault } from '../vault/vault.ts';
import { type RunningWorker, runWorker } from './engine/run-worker.ts';
import { untilTaken } from './engine/until-taken.ts';
import { startLimitsWatch } from './limits/watch-limits.ts';
import { tendBacklog } from './liveness/tend-backlog.ts';
import { tendVault } from './liveness/tend-vault.ts';
import { startTick, type Tick } from './liveness/tick.ts';
import { createWorkerParts, type WorkerParts } from './parts.ts';
import { callbackStage } from './stages/callback-stage.ts';
import { keepStage } from './stages/keep-stage.ts';
import { completionsStage, roundStage, submitStage } from './stages/stages.ts';

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

/**
 * Starts the workers of this process: those of `settings.WORKER_ROLES`, for the providers given, on
 * a core that waits while Redis is away. Waits for a Redis that takes no writes.
 * @param giveUpCalls ends the providers' calls that are under way; see ConnectedProviders.
 */
export async function startWorkers(
  core: Core,
  giveUpCalls: () => void = () => {},
): Promise<WorkerProcess> {
  const { settings, providers, redis, now, log } = core;
  const stopping = new AbortController();
  const shutdownSignal = stopping.signal;
  // One for each callback under way.
  setMaxListeners(0, shutdownSignal);
  const outbound = createOutboundAgent({ allowInsecure: settings.ALLOW_INSECURE_URLS });
  const backlog = tendBacklog(core);
  const parts = createWorkerParts({ ...core, subscribers: backlog.subscribers }, shutdownSignal);
  await limitSubmissions(core);
  const stopSharing = await keepShares(core);
  const workers = run(parts, outbound);
  const vault = settings.WORKER_ROLES.includes('vault') ? core.vault : undefined;
  if (vault) workers.push(runKeeper(vault, parts, outbound));
  const tending =
    vault && tendVault({ ...core, vault, enqueueOwed: createEnqueueOwed(core.queues) });
  const watched = settings.WORKER_ROLES.includes('poll') ? [...providers.keys()] : [];
  const { schedule, rounds } = parts;
  const limitsWatch = startLimitsWatch({
    ...parts,
    providers: settings.WORKER_ROLES.includes('submit') ? [...providers.values()] : [],
    creditsOf: (provider) => settings.providers[provider]?.credits ?? {},
  });
  const tick = startTick({ providers: watched, redis, schedule, rounds, now, log });

  return {
    redis,
    tick,
    workers,
    async stop() {
      tick.stop();
      backlog.stop();
      limitsWatch.stop();
      stopSharing();
      tending?.stop();
      const { callsMs, workMs, closeMs } = stopTimes(settings.SHUTDOWN_MS);
      const lastCall = setTimeout(() => {
        stopping.abort();
        giveUpCalls();
      }, callsMs);
      await Promise.all(workers.map((worker) => worker.stop(workMs)));
      clearTimeout(lastCall);
      await endsWithin(core.close(), closeMs);
      core.end();
    },
  };
}

/** All that must be written first: whoever gives up meanwhile has no worker to stop. */
async function limitSubmissions({ settings, providers, queues, log }: Core): Promise<void> {
  if (!settings.WORKER_ROLES.includes('submit')) return;
  for (const { name, limits } of providers.values()) {
    const queue = queues.get(queueNames.submit(name));
    await untilTaken(() => queue.setGlobalConcurrency(limits.concurrency), log);
  }
}

/** Tells the scripts what each tenant's share is, now and whenever that changes. */
async function keepShares({ redis, keys, tenants, log }: Core): Promise<() => void> {
  const write = () => writeShares({ redis, keys }, tenants.limited());
  await untilTaken(write, log);
  return tenants.onChange(() => {
    void untilTaken(write, log).catch((err: unknown) => log.error({ err }, 'shares not written'));
  });
}

function runKeeper(vault: Vault, parts: WorkerParts, outbound: Dispatcher): RunningWorker {
  const { redis: connection, keys } = parts;
  return runWorker(keepStage(vault, parts, outbound), {
    ...parts,
    connection,
    prefix: keys.prefix,
  });
}

/** The workers of every role that this process has but the vault's. */
function run(parts: WorkerParts, outbound: Dispatcher): RunningWorker[] {
  const { settings, providers, redis, keys, shutdownSignal, now, log } = parts;
  const shared = { connection: redis, prefix: keys.prefix, log, now, shutdownSignal };
  const has = (role: WorkerRole): boolean => settings.WORKER_ROLES.includes(role);
  const workers: RunningWorker[] = [];
  for (const provider of providers.values()) {
    if (has('submit')) workers.push(runWorker(submitStage(provider, parts), shared));
    if (has('poll')) workers.push(runWorker(roundStage(provider, parts), shared));
  }
  if (has('completion')) workers.push(runWorker(completionsStage(parts), shared));
  if (has('subscribers')) {
    for (const lane of ['fast', 'slow'] as const) {
      workers.push(runWorker(callbackStage(lane, parts, outbound), shared));
    }
  }
  return workers;
}
