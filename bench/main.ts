import { availableParallelism } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { Cleanup } from '../rig/cleanup.ts';
import { UsageError } from '../rig/flags.ts';
import { monotonicMs } from './clock.ts';
import { measureAll } from './metrics.ts';
import { BENCH_HELP, type BenchOptions, readBenchOptions } from './options.ts';
import { serverVersion } from './redis-cost.ts';
import { printJson, printTable } from './report.ts';
import { startStack } from './stack.ts';

/** Measures the webhook path against the simplest provider there can be. */
async function main(): Promise<void> {
  const options = readBenchOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(BENCH_HELP);
    return;
  }
  const cleanup = new Cleanup();
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => void cleanup.run().finally(() => process.exit(exitCode)));
  }
  try {
    process.stdout.write(await run(options, cleanup));
  } finally {
    await cleanup.run();
  }
}

/** @returns what is to be printed. */
async function run(options: BenchOptions, cleanup: Cleanup): Promise<string> {
  const startedAt = monotonicMs();
  const say = (line: string): void => {
    const seconds = ((monotonicMs() - startedAt) / 1000).toFixed(1).padStart(5);
    if (!options.json) process.stdout.write(`${seconds} s  ${line}\n`);
  };
  const stack = await startStack(cleanup, { profile: options.profile, say });
  const dead = Promise.race([stack.provider.failed, stack.web.failed, stack.worker.failed]);
  const metrics = await Promise.race([
    measureAll(stack, options, say).catch(async (error: unknown) => {
      // A connection breaks a moment before its process is known to have ended, which says more.
      await wait(500);
      throw error;
    }),
    dead,
  ]);
  const about = {
    node: process.version,
    redis: await serverVersion(stack.redis),
    cpus: availableParallelism(),
  };
  say('done');
  if (options.json) return printJson(metrics, { ...about, options });
  const machine = `Node ${about.node}, ${about.redis}, ${about.cpus} CPUs, compiled code`;
  return `\n${machine}\n\n${printTable(metrics)}`;
}

await main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${BENCH_HELP}`);
    process.exit(2);
  }
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
