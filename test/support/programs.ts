import { onTestFinished } from 'vitest';
import { type Child, type ProcessOptions, startProcess } from '../../rig/start-process.ts';

/** What a program has printed, and how it ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** Standard output and standard error, line by line. */
  readonly said: readonly string[];
  readonly complained: readonly string[];
}

export interface Program extends Child, Omit<Ended, 'code'> {
  readonly finished: Promise<Ended>;
}

type Options = Pick<ProcessOptions, 'args' | 'env' | 'cwd'> & {
  /** For tests that run side by side: their own context's hook. */
  readonly onFinished?: (end: () => Promise<void>) => void;
};

/**
 * One of our programs as a process of its own, with PATH and exactly this environment; gone when the
 * test ends. What it printed so far is in `said` and `complained`.
 */
export function startProgram(program: string, options: Options = {}): Program {
  const { args = [], env = {}, cwd } = options;
  const said: string[] = [];
  const complained: string[] = [];
  const child = startProcess(program, {
    ...{ args, env: { PATH: process.env['PATH'], ...env } },
    ...(cwd !== undefined && { cwd }),
    onLine: (line, from) => (from === 'stdout' ? said : complained).push(line),
  });
  (options.onFinished ?? onTestFinished)(async () => {
    await child.stop();
  });
  const finished = child.ended.then((code) => ({ code, said, complained }));
  return { ...child, said, complained, finished };
}

/** Runs it to its end. */
export const runProgram = (...given: Parameters<typeof startProgram>): Promise<Ended> =>
  startProgram(...given).finished;
