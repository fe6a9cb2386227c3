import { Cleanup } from '../rig/cleanup.ts';
import { UsageError } from '../rig/flags.ts';
import { CHAOS_HELP, readChaosOptions } from './options.ts';
import { report } from './report.ts';
import { runChaos } from './run.ts';

/** Breaks everything that can break while generations run, and compares the books afterwards. */
async function main(): Promise<void> {
  const options = readChaosOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(CHAOS_HELP);
    return;
  }
  const cleanup = new Cleanup();
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => void cleanup.run().finally(() => process.exit(exitCode)));
  }
  const startedAt = Date.now();
  const say = (line: string): void => {
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(0).padStart(4);
    if (!options.json) process.stdout.write(`${seconds} s  ${line}\n`);
  };
  try {
    const { findings, run } = await runChaos(options, cleanup, say);
    const { generations, seed, providers, naive, appendfsync, powerCuts } = options;
    const mayLoseLastSecond = appendfsync === 'everysec';
    const verdict = report(findings, run, {
      json: options.json,
      redis: { mayLoseLastSecond, losesLastSecond: mayLoseLastSecond && powerCuts },
      about: { generations, seed, providers, naive, appendfsync, powerCuts },
    });
    process.stdout.write(verdict.text);
    process.exitCode = verdict.isKept ? 0 : 1;
  } finally {
    await cleanup.run();
  }
}

await main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${CHAOS_HELP}`);
    process.exit(2);
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
