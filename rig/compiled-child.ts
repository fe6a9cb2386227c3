import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';

/** A process of the benchmark. It ends with this one; what it prints goes to a file. */
export interface Child {
  readonly pid: number;
  /** Rejects when it ends without having been stopped, with its last words. */
  readonly failed: Promise<never>;
  /** Its next message. */
  hear<T>(schema: z.ZodType<T>, timeoutMs?: number): Promise<T>;
  /** Sends a message and answers its next one. */
  ask<T>(message: object | string, schema: z.ZodType<T>, timeoutMs?: number): Promise<T>;
  stop(): Promise<void>;
}

/** One that has not obeyed SIGTERM by then is killed. */
const STOP_MS = 15_000;
const ANSWER_MS = 15_000;
const LAST_WORDS = 2_000;

/** @param program a path in the compiled folder, without `.js`. */
export function startChild(
  program: string,
  at: {
    folder: string;
    env: NodeJS.ProcessEnv;
    nodeFlags?: readonly string[];
    args?: readonly string[];
    /** A command that becomes the process it is given, such as `nice`. */
    launcher?: readonly string[];
    /** Tells two of the same program apart in the names of their logs. */
    name?: string;
  },
): Child {
  const logFile = join(at.folder, `${(at.name ?? program).replaceAll('/', '-')}.log`);
  const log = openSync(logFile, 'w');
  const compiled = (path: string): string => join(at.folder, `${path}.js`);
  const [command, ...words] = [
    ...(at.launcher ?? []),
    ...[process.execPath, ...(at.nodeFlags ?? [])],
    ...['--import', compiled('rig/exit-with-parent'), compiled(program)],
    ...(at.args ?? []),
  ];
  const child = spawn(command ?? process.execPath, words, {
    cwd: at.folder,
    env: at.env,
    stdio: ['pipe', log, log, 'ipc'],
    // Ctrl-C in a terminal reaches us alone, and we stop the others in their order.
    detached: true,
  });
  closeSync(log);

  let stopping: Promise<void> | undefined;
  const failed = once(child, 'exit').then(async () => {
    if (stopping) return new Promise<never>(() => {});
    const words = await readFile(logFile, 'utf8').catch(() => '');
    throw new Error(`${program} ended by itself:\n${words.slice(-LAST_WORDS)}`);
  });
  failed.catch(() => {});

  const hear: Child['hear'] = async (schema, timeoutMs = ANSWER_MS) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const message = once(child, 'message', { signal }).catch(() => {
      throw new Error(`${program} said nothing within ${timeoutMs / 1000} s`);
    });
    const [said]: unknown[] = await Promise.race([message, failed]);
    return schema.parse(said);
  };

  return {
    pid: child.pid ?? 0,
    failed,
    hear,
    ask: (message, schema, timeoutMs) => {
      const answer = hear(schema, timeoutMs);
      child.send(message);
      return answer;
    },
    stop: () => {
      stopping ??= stop(child);
      return stopping;
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
