import { startProcess } from '../../rig/start-process.ts';
import type { Env } from './pipeline.ts';

export interface Ran {
  readonly code: number | null;
  /** Everything it wrote, both streams. */
  readonly lines: readonly string[];
}

/** Runs an operator's command as a process of its own, to its end. */
export async function operate(env: Env, ...args: string[]): Promise<Ran> {
  const lines: string[] = [];
  const child = startProcess('src/operations/main', {
    args,
    env: { PATH: process.env['PATH'], ...env },
    onLine: (line) => lines.push(line),
  });
  return { code: await child.ended, lines };
}

/** What `redrive --json` answers. */
export interface Redriven {
  readonly dryRun: boolean;
  readonly triedAgain: number;
  readonly groups: readonly {
    readonly source: string;
    readonly class: string;
    readonly reason: string;
    readonly action: string;
    readonly count: number;
  }[];
  readonly began: readonly { readonly id: string; readonly redriveOf: string }[];
}

/** `redrive` with its answer read. @throws Error with its output when it did not exit 0. */
export async function redrive(env: Env, ...args: string[]): Promise<Redriven> {
  const { code, lines } = await operate(env, 'redrive', '--json', ...args);
  const answer = lines.find((line) => line.startsWith('{"dryRun"'));
  if (code !== 0 || !answer) throw new Error(`redrive exited ${code}:\n${lines.join('\n')}`);
  return JSON.parse(answer) as Redriven; // our own command's answer
}
