import { queueNames } from '../../config/queues.ts';
import { CompletionsJob, RoundJob, SUBMIT_JOBS, SubmitJob } from '../../generation/jobs.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import { createCircuits } from '../../store/circuit.ts';
import { countRunning as countRunningTasks } from '../../store/turns.ts';
import type { Stage } from '../engine/stage.ts';
import type { WorkerParts } from '../parts.ts';
import { createComplete } from './complete.ts';
import { longest } from './longest.ts';
import { createCancelTask, createLookUp } from './reconcile.ts';
import { createRound } from './round.ts';
import { createSubmit } from './submit.ts';

/** As few as show that it was not that one submission. */
const FAILURES_AT_RISK = 2;
const ROUND_CONCURRENCY = 20;
const COMPLETIONS_CONCURRENCY = 8;
/** What held submissions may take of the provider's rate, so that its other models go on. */
const HELD_SHARE = 0.8;
/** Loading pictures and the steps before a submission take time besides the submission itself. */
const PROBE_MARGIN_MS = 60_000;

/** Submissions of one provider, and what else it is asked about them. */
export function submitStage(provider: ProviderAdapter, parts: WorkerParts): Stage<SubmitJob> {
  const { redis, keys, settings, now } = parts;
  const queue = parts.queues.get(queueNames.submit(provider.name));
  const { submits } = provider.limits;
  const spacingMs = submits.perMs / submits.max / HELD_SHARE;
  const circuits = createCircuits({
    redis,
    keys,
    provider: provider.name,
    settings: {
      failures: settings.CIRCUIT_FAILURES,
      lostAnswers: lostAnswersOf(provider, settings.CIRCUIT_FAILURES),
      openMs: settings.CIRCUIT_OPEN_MS,
      probeMs: settings.SUBMIT_TIMEOUT_MS + PROBE_MARGIN_MS,
      spacingMs,
    },
    now,
  });
  const holdQueue = async (ms: number): Promise<void> => {
    await queue.rateLimit(ms);
  };
  const limits = parts.limitsOf(provider);
  const pace = parts.paceOf(provider);
  const countRunning = () => countRunningTasks(redis, keys, provider.name);
  const submit = createSubmit({
    ...{ ...parts, provider, circuits, holdQueue, limits, pace, countRunning, spacingMs },
    mostDenials: settings.MOST_REFUSALS,
  });
  const lookUp = createLookUp({ ...parts, provider });
  const cancelTask = createCancelTask({ ...parts, provider });
  return {
    queue: queue.name,
    payload: SubmitJob,
    process: (job, name) => {
      if (name === SUBMIT_JOBS.lookUp) return lookUp(job);
      return name === SUBMIT_JOBS.cancelTask ? cancelTask(job) : submit(job);
    },
    concurrency: settings.SUBMIT_CONCURRENCY,
    longestMs: longest.submitMs(provider, {
      submitTimeoutMs: settings.SUBMIT_TIMEOUT_MS,
      pollTimeoutMs: settings.POLL_TIMEOUT_MS,
    }),
    // BullMQ reads both at each look for a job, and so follows what is found and stated.
    limiter: {
      get max() {
        return limits.limiter().max;
      },
      get duration() {
        return limits.limiter().duration;
      },
    },
    waitsForRedis: true,
  };
}

/** Where a lost answer cannot be made good, each failure may be a payment that nobody can find. */
function lostAnswersOf({ repeatSubmit }: ProviderAdapter, usual: number): number {
  return repeatSubmit.kind === 'none' ? Math.min(usual, FAILURES_AT_RISK) : usual;
}

/** Rounds of one provider: polls, and whatever else is due. */
export function roundStage(provider: ProviderAdapter, parts: WorkerParts): Stage<RoundJob> {
  const { LEASE_MS: leaseMs, POLL_TIMEOUT_MS: pollTimeoutMs } = parts.settings;
  return {
    queue: queueNames.poll(provider.name),
    payload: RoundJob,
    process: createRound({ ...parts, provider, leaseMs }),
    concurrency: ROUND_CONCURRENCY,
    longestMs: longest.roundMs(pollTimeoutMs),
    waitsForRedis: true,
  };
}

/** The one door to a final state. */
export function completionsStage(parts: WorkerParts): Stage<CompletionsJob> {
  return {
    queue: queueNames.completions,
    payload: CompletionsJob,
    process: createComplete(parts),
    concurrency: COMPLETIONS_CONCURRENCY,
    longestMs: longest.completionsMs,
    waitsForRedis: true,
  };
}
