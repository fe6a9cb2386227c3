import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  readonly pid: number;
  /** Resolves with the first line of output that `matches`, matched. Rejects if it ends before. */
  line(matches: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

/** A child that has not obeyed SIGTERM by then is killed. */
const STOP_MS = 15_000;
const KEPT_LINES = 30;

/** From the source when this is the source, and compiled when this is compiled. */
const isSource = import.meta.url.endsWith('.ts');
/** Its address, because Node would look for the bare name from the working directory. */
const LOADER = isSource ? ['--import', import.meta.resolve('tsx')] : [];

function fileOf(program: string): string {
  return fileURLToPath(new URL(`../${program}.${isSource ? 'ts' : 'js'}`, import.meta.url));
}

/**
 * Starts one of our own programs (a path in the project, without `.ts`) as a process of its own that
 * ends with this one. Its output is read, not shown: the last lines are in the error if it fails.
 */
export function startChild(
  program: string,
  options: {
    args?: readonly string[];
    env?: NodeJS.ProcessEnv;
    onLine?: (line: string) => void;
  } = {},
): Child {
  const child = spawn(
    process.execPath,
    [
      ...LOADER,
      '--import',
      fileOf('rig/exit-with-parent'),
      fileOf(program),
      ...(options.args ?? []),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? process.env },
  );
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      options.onLine?.(line);
      for (const listener of waiting) listener(line);
    });
  }
  const ended = once(child, 'exit').then(() => child.exitCode);

  return {
    pid: child.pid ?? 0,
    ended,
    line: (matches) =>
      new Promise((resolve, reject) => {
        const listener = (line: string): void => {
          const found = matches.exec(line);
          if (!found) return;
          waiting.delete(listener);
          resolve(found);
        };
        waiting.add(listener);
        lines.slice().forEach(listener);
        void ended.then(() => {
          waiting.delete(listener);
          reject(new Error(`${program} ended at start:\n${lines.join('\n')}`));
        });
      }),
    stop: () => stop(child, ended),
  };
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
