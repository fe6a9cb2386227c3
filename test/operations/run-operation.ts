import { type Ended, startProgram } from '../support/programs.ts';

/** The real command as a process of its own, with exactly this environment. */
export function startOperation(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
) {
  const program = startProgram('src/operations/main', { args, env });
  return {
    ended: program.finished,
    interrupt: () => process.kill(program.pid, 'SIGINT'),
    untilSaid: program.line,
  };
}

export const runOperation = (...given: Parameters<typeof startOperation>): Promise<Ended> =>
  startOperation(...given).ended;
