import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from '../support/until.ts';

export interface Ended {
  readonly code: number | null;
  /** Standard output and standard error, line by line. */
  readonly said: readonly string[];
  readonly complained: readonly string[];
}

const PROGRAM = fileURLToPath(new URL('../../src/operations/main.ts', import.meta.url));

/** The real command as a process of its own, with exactly this environment. */
export function startOperation(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
) {
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const said: string[] = [];
  const complained: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => complained.push(line));
  const ended = once(child, 'close').then(
    ([code]): Ended => ({ code: code as number | null, said, complained }), // Node's own event
  );
  return {
    ended,
    interrupt: () => child.kill('SIGINT'),
    untilSaid: (what: RegExp) =>
      until(`the command says ${what}`, () => said.find((line) => what.test(line))),
  };
}

export const runOperation = (...given: Parameters<typeof startOperation>): Promise<Ended> =>
  startOperation(...given).ended;
