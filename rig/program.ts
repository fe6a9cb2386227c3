import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

/** One of our programs, which may be killed and started again, as an orchestrator would. */
export interface Program {
  readonly name: string;
  /** How often it ended without having been told to. */
  readonly endedByItself: number;
  isUp(): boolean;
  /** Does nothing when it runs. */
  start(): void;
  /** Resolves when it is gone. Says whether it had to be forced, for it did not obey in time. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean>;
  /** SIGTERM, for good: it is not started again. */
  stop(): Promise<void>;
}

/** A little more than SHUTDOWN_MS. */
const STOP_MS = 12_000;
const RESTART_MS = 500;

/**
 * @param options.program a path in the compiled folder, without `.js`.
 * @param options.logs the folder where what it prints is appended to `<name>.log`.
 */
export function createProgram(options: {
  name: string;
  program: string;
  folder: string;
  logs: string;
  env: Readonly<Record<string, string>>;
  args?: readonly string[];
}): Program {
  const { name, folder } = options;
  const compiled = (path: string): string => join(folder, `${path}.js`);
  let child: ChildProcess | undefined;
  let endedByItself = 0;
  let isStopping = false;

  function start(): void {
    if (child || isStopping) return;
    const log = openSync(join(options.logs, `${name}.log`), 'a');
    const started = spawn(
      process.execPath,
      [
        ...['--import', compiled('rig/exit-with-parent'), compiled(options.program)],
        ...(options.args ?? []),
      ],
      {
        cwd: folder,
        env: options.env,
        stdio: ['pipe', log, log],
        // Ctrl-C in a terminal reaches us alone, and we stop the others in their order.
        detached: true,
      },
    );
    closeSync(log);
    child = started;
    started.once('exit', () => {
      if (child !== started) return;
      child = undefined;
      endedByItself += 1;
      setTimeout(start, RESTART_MS);
    });
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean> {
    const ending = child;
    if (!ending) return false;
    child = undefined;
    const ended = once(ending, 'exit');
    ending.kill(signal);
    let isForced = false;
    const timer = setTimeout(() => {
      isForced = true;
      ending.kill('SIGKILL');
    }, STOP_MS);
    await ended;
    clearTimeout(timer);
    return isForced;
  }

  return {
    name,
    get endedByItself() {
      return endedByItself;
    },
    isUp: () => child !== undefined,
    start,
    end,
    async stop() {
      isStopping = true;
      await end('SIGTERM');
    },
  };
}
