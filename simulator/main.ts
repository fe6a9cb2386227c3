import { parseFlags } from './server/flags.ts';
import { helpText } from './server/help.ts';
import { SimulatorOptionError } from './server/options.ts';
import { startSimulator } from './server/start-simulator.ts';

/** Exit status of a command that was called wrongly. */
const USAGE_ERROR = 2;

async function main(): Promise<void> {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.isHelpWanted) {
    process.stdout.write(helpText());
    return;
  }
  const simulator = await startSimulator({
    ...flags.options,
    ...(!flags.isQuiet && { log: (line: string) => process.stdout.write(`${line}\n`) }),
  });

  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    void simulator.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (flags.exitsWithStdin) process.stdin.on('end', stop).on('error', stop).resume();
  process.stdout.write(`simulator ready at ${simulator.url}\n`);
}

/** Undefined when that is not the trouble. */
function portTaken(error: unknown): unknown {
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  return isTaken && 'port' in error ? error.port : undefined;
}

try {
  await main();
} catch (error) {
  const taken = portTaken(error);
  const message = taken
    ? `Port ${taken} is in use: choose another with --port, or stop what has it.`
    : String(error);
  const isUsage = error instanceof SimulatorOptionError;
  process.stderr.write(isUsage ? `${error.message}\nTry --help.\n` : `${message}\n`);
  process.exitCode = isUsage ? USAGE_ERROR : 1;
}
