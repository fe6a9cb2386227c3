import { Cleanup } from './cleanup.ts';
import { UsageError } from './flags.ts';
import { EmbeddedRedisError } from './redis/embedded-redis-error.ts';

/** Tells a person what is being done, with the seconds since the start. */
export type Say = (line: string) => void;

/** What a tool prints at its end, and whether all is as it should be. */
export interface Verdict {
  readonly text: string;
  readonly isKept: boolean;
}

/** One of bench, chaos and attack. */
export interface Tool<Options extends { readonly help: boolean; readonly json: boolean }> {
  readonly help: string;
  /** @throws UsageError */
  readonly readOptions: (args: string[]) => Options;
  /** Everything that it starts is stopped by `cleanup`. */
  readonly run: (options: Options, cleanup: Cleanup, say: Say) => Promise<Verdict>;
}

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/** Seconds since the start before each line. */
export function sayWithSeconds(): Say {
  const startedAt = performance.now();
  return (line) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5);
    process.stdout.write(`${seconds} s  ${line}\n`);
  };
}

/**
 * Runs a tool with this process's arguments. Exits with 1 when something is not as it should be or
 * broke off, 2 after wrong usage; whatever it started is stopped then, and after Ctrl-C.
 */
export async function runTool<Options extends { help: boolean; json: boolean }>(
  tool: Tool<Options>,
): Promise<void> {
  try {
    const options = tool.readOptions(process.argv.slice(2));
    if (options.help) process.stdout.write(tool.help);
    else await runToItsEnd(tool, options);
  } catch (error) {
    process.stderr.write(`${wordsOf(error, tool.help)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

async function runToItsEnd<Options extends { help: boolean; json: boolean }>(
  tool: Tool<Options>,
  options: Options,
): Promise<void> {
  const cleanup = new Cleanup();
  for (const [signal, exitCode] of SIGNALS) {
    process.once(signal, () => void cleanup.run().finally(() => process.exit(exitCode)));
  }
  try {
    // Standard output is the figures' alone where a program reads them.
    const say = options.json ? () => {} : sayWithSeconds();
    const { text, isKept } = await tool.run(options, cleanup, say);
    process.stdout.write(text);
    process.exitCode = isKept ? 0 : 1;
  } finally {
    await cleanup.run();
  }
}

function wordsOf(error: unknown, help: string): string {
  if (error instanceof UsageError) return `${error.message}\n\n${help}`;
  if (error instanceof EmbeddedRedisError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
