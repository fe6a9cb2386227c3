import { setTimeout as wait } from 'node:timers/promises';
import { percentile } from '../rig/percentile.ts';
import type { Child } from '../rig/start-process.ts';
import { monotonicMs } from './clock.ts';
import { cpuSeconds } from './cpu.ts';
import { StubReport, SubscriberReport } from './messages.ts';
import { clientCommands, dataBytes, redisCpuSeconds, scriptCalls } from './redis-cost.ts';
import type { Stack } from './stack.ts';

/** One function for each thing that is measured. All of them leave the stack idle. */

const IDLE_MS = 10_000;
const WAITING = 1_000;
const WATCHED_SECONDS = 2;
/** Until the marks of what was told are written too, and Redis has let go of its buffers. */
const SETTLE_MS = 1_500;
const PATIENCE_MS = 120_000;

/** Redis commands per second of the web and the worker process, nothing to do. */
export async function measureIdle({ redis }: Stack): Promise<number> {
  const commands = await clientCommands(redis, () => wait(IDLE_MS));
  return commands / (IDLE_MS / 1000);
}

export async function warmUp(stack: Stack, subscriber: Child, count: number): Promise<void> {
  await Promise.all([stack.requests.burst(count), told(subscriber, count)]);
  await wait(SETTLE_MS);
}

export interface BurstResult {
  readonly generationsPerSecond: number;
  readonly scriptsPerGeneration: number;
  /** CPU seconds for a thousand generations. */
  readonly cpu: { web: number; worker: number; redis: number; subscriber: number };
}

/** As fast as it goes, from the first request to the last subscriber call. */
export async function measureBurst(
  stack: Stack,
  subscriber: Child,
  count: number,
): Promise<BurstResult> {
  const read = async () => ({
    web: await cpuSeconds(stack.web.pid),
    worker: await cpuSeconds(stack.worker.pid),
    redis: await redisCpuSeconds(stack.redis),
    subscriber: await cpuSeconds(subscriber.pid),
    scripts: await scriptCalls(stack.redis),
  });
  const before = await read();
  const startedAt = monotonicMs();
  const [toldAt] = await Promise.all([told(subscriber, count), stack.requests.burst(count)]);
  const last = [...toldAt.values()].reduce((latest, at) => Math.max(latest, at), 0);
  await wait(SETTLE_MS);
  const after = await read();
  const perThousand = (name: keyof typeof before): number =>
    ((after[name] - before[name]) * 1000) / count;
  return {
    generationsPerSecond: count / ((last - startedAt) / 1000),
    scriptsPerGeneration: perThousand('scripts') / 1000,
    cpu: {
      web: perThousand('web'),
      worker: perThousand('worker'),
      redis: perThousand('redis'),
      subscriber: perThousand('subscriber'),
    },
  };
}

export interface SteadyResult {
  /** From provider done to subscriber called. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly scriptsPerGeneration: number;
}

export async function measureSteady(
  stack: Stack,
  subscriber: Child,
  load: { count: number; ratePerSecond: number },
): Promise<SteadyResult> {
  const before = await scriptCalls(stack.redis);
  const [toldAt] = await Promise.all([
    told(subscriber, load.count),
    stack.requests.steadily(load.count, load.ratePerSecond),
  ]);
  await wait(SETTLE_MS);
  const scripts = (await scriptCalls(stack.redis)) - before;
  const doneAt = new Map((await stubReport(stack)).done);
  const latencies = [...toldAt]
    .map(([id, at]) => at - (doneAt.get(id) ?? Number.NaN))
    .sort((a, b) => a - b);
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    scriptsPerGeneration: scripts / load.count,
  };
}

/** Everything that clients send to Redis for one generation. MONITOR slows Redis: counted apart. */
export async function measureCommands(
  stack: Stack,
  subscriber: Child,
  ratePerSecond: number,
): Promise<number> {
  const count = ratePerSecond * WATCHED_SECONDS;
  const commands = await clientCommands(stack.redis, async () => {
    await Promise.all([stack.requests.steadily(count, ratePerSecond), told(subscriber, count)]);
    await wait(SETTLE_MS);
  });
  return commands / count;
}

/** Bytes in Redis for each generation that waits for its webhook. */
export async function measureWaiting(stack: Stack, subscriber: Child): Promise<number> {
  await stack.provider.ask('hold', StubReport);
  await wait(SETTLE_MS);
  const before = await dataBytes(stack.redis);
  const ids = await stack.requests.burst(WAITING);
  await stack.requests.untilSubmitted(ids);
  await wait(SETTLE_MS);
  const bytes = (await dataBytes(stack.redis)) - before;
  await Promise.all([told(subscriber, WAITING), stack.provider.ask('release', StubReport)]);
  return bytes / WAITING;
}

/** What the provider has seen in the whole run. */
export function stubReport(stack: Stack): Promise<StubReport> {
  return stack.provider.ask('report', StubReport);
}

/** When the subscriber was called for each of the next `count` generations. */
async function told(subscriber: Child, count: number): Promise<Map<string, number>> {
  const report = await subscriber.ask({ expect: count }, SubscriberReport, PATIENCE_MS);
  return new Map(report.told);
}
