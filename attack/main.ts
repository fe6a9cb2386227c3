import { Cleanup } from '../rig/cleanup.ts';
import { UsageError } from '../rig/flags.ts';
import { runNaive } from './naive/run.ts';
import { ATTACK_HELP, type AttackOptions, readAttackOptions } from './options.ts';
import { report, type Verdict } from './report.ts';
import { runAttack } from './run.ts';

/** Throws at Catwalk what strangers may throw at it, while real generations run. */
async function main(): Promise<void> {
  const options = readAttackOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(ATTACK_HELP);
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
    const verdict = await attack(options, cleanup, say);
    process.stdout.write(verdict.text);
    process.exitCode = verdict.isKept ? 0 : 1;
  } finally {
    await cleanup.run();
  }
}

async function attack(
  options: AttackOptions,
  cleanup: Cleanup,
  say: (line: string) => void,
): Promise<Verdict> {
  if (options.naive) return runNaive(options, cleanup, say);
  const { seed, attempts, only } = options;
  const outcome = await runAttack(options, cleanup, say);
  return report(outcome, { json: options.json, about: { seed, attempts, only } });
}

await main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${ATTACK_HELP}`);
    process.exit(2);
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
