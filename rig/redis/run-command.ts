import { execFile } from 'node:child_process';

/** How a command ended. `exitCode` is 127 when the program is missing, 124 when it ran too long. */
export type CommandResult = { exitCode: number; output: string };

/**
 * Runs a program without a shell and without input, and keeps what it printed on both streams.
 * Never rejects: how it failed is in the result.
 */
export function runCommand(
  program: string,
  args: string[],
  { timeoutMs, env = {} }: { timeoutMs: number; env?: Record<string, string> },
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { env: { ...process.env, LC_ALL: 'C', ...env }, timeout: timeoutMs, maxBuffer: 16 << 20 },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`;
        if (error === null) resolve({ exitCode: 0, output });
        else if (typeof error.code === 'number') resolve({ exitCode: error.code, output });
        else if (error.killed)
          resolve({ exitCode: 124, output: `${output}\n${program}: timed out` });
        else resolve({ exitCode: 127, output: `${output}\n${error.message}` });
      },
    );
    child.stdin?.end();
  });
}
