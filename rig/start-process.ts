import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { LAST_LINES, type OnLine, readLines } from './output-lines.ts';

/** One of our own programs as a process of its own. It ends with this process, killed or not. */
export interface Child {
  readonly pid: number;
  /** When it is gone and its output read: the exit code, null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Rejects, with its last words, when it ends without having been stopped; never resolves. */
  readonly failed: Promise<never>;
  /** The first line of its output that `matches`, matched. Rejects when it ends before. */
  line(matches: RegExp): Promise<RegExpExecArray>;
  /** Its next message. */
  hear<T>(schema: z.ZodType<T>, timeoutMs?: number): Promise<T>;
  /** Sends a message and answers its next one. */
  ask<T>(message: object | string, schema: z.ZodType<T>, timeoutMs?: number): Promise<T>;
  /** SIGTERM. Resolves when it is gone; whether it had to be forced, for it did not obey in time. */
  stop(): Promise<boolean>;
  /** SIGKILL: no goodbye. Resolves when it is gone. */
  kill(): Promise<void>;
}

export interface ProcessOptions {
  readonly args?: readonly string[];
  /** All of its environment; this process's own when left out. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A folder with compiled code to run it from, which is then its working directory. */
  readonly folder?: string;
  readonly nodeFlags?: readonly string[];
  /** A command that becomes the process it is given, such as `nice`. */
  readonly launcher?: readonly string[];
  /** A file that its output is appended to. Otherwise it is read here, line by line. */
  readonly logFile?: string;
  readonly onLine?: OnLine;
  /** Whether it exchanges messages with us. */
  readonly messages?: boolean;
}

/** A little more than SHUTDOWN_MS, after which each of our programs ends by itself. */
const STOP_MS = 12_000;
const ANSWER_MS = 15_000;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** From the source when this is the source, and compiled when this is compiled. */
const IS_SOURCE = import.meta.url.endsWith('.ts');

/**
 * Where the programs lie compiled that are started from the source, when somebody has compiled them
 * for many starts: loading the source costs half a second of CPU each time.
 */
export const COMPILED_PROGRAMS = 'CATWALK_COMPILED_PROGRAMS';

/** @param program a path in the project, without its ending: `src/http/main`. */
export function startProcess(program: string, options: ProcessOptions = {}): Child {
  const { folder, cwd = folder, env = process.env, logFile, messages } = options;
  const [command = '', ...words] = commandLine(program, options);
  const output = logFile === undefined ? 'pipe' : openSync(logFile, 'a');
  const stdio: StdioOptions = ['pipe', output, output, ...(messages ? (['ipc'] as const) : [])];
  // Detached: Ctrl-C in a terminal reaches us alone, and we stop the others in their order.
  const child = spawn(command, words, { cwd, env, stdio, detached: true });
  if (typeof output === 'number') closeSync(output);

  const { lines, listen } = readLines(child, options.onLine);
  const ended = once(child, 'close').then(() => child.exitCode);
  let isStopped = false;
  const failed = ended.then(async (code) => {
    if (isStopped) return new Promise<never>(() => {});
    const words = logFile === undefined ? lines : (await readFile(logFile, 'utf8')).split('\n');
    const lastWords = words.slice(-LAST_LINES).join('\n');
    throw new Error(`${program} ended by itself (${code ?? child.signalCode}):\n${lastWords}`);
  });
  failed.catch(() => {});

  const hear: Child['hear'] = async (schema, timeoutMs = ANSWER_MS) => {
    const message = once(child, 'message', { signal: AbortSignal.timeout(timeoutMs) });
    const inTime = message.catch(() => {
      throw new Error(`${program} said nothing within ${timeoutMs / 1000} s`);
    });
    const [said]: unknown[] = await Promise.race([inTime, failed]);
    return schema.parse(said);
  };

  return {
    pid: child.pid ?? 0,
    ended,
    failed,
    hear,
    line: (matches) =>
      Promise.race([
        listen(matches),
        ended.then((code) => {
          throw new Error(`${program} ended (${code}) before that line:\n${lines.join('\n')}`);
        }),
      ]),
    ask: (message, schema, timeoutMs) => {
      const answer = hear(schema, timeoutMs);
      child.send(message);
      return answer;
    },
    stop: () => {
      isStopped = true;
      return stop(child, ended);
    },
    kill: async () => {
      isStopped = true;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function commandLine(program: string, options: ProcessOptions): string[] {
  const { folder, launcher = [], nodeFlags = [], args = [] } = options;
  const compiled = folder ?? process.env[COMPILED_PROGRAMS];
  const isCompiled = compiled !== undefined || !IS_SOURCE;
  const file = (path: string): string =>
    join(compiled ?? ROOT, `${path}.${isCompiled ? 'js' : 'ts'}`);
  // Its address, because Node would look for the bare name from the working directory.
  const loader = isCompiled ? [] : ['--import', import.meta.resolve('tsx')];
  const flags = [...nodeFlags, ...loader, '--import', file('rig/exit-with-parent')];
  return [...launcher, process.execPath, ...flags, file(program), ...args];
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<boolean> {
  let isForced = false;
  child.kill('SIGTERM');
  const timer = setTimeout(() => {
    isForced = child.kill('SIGKILL');
  }, STOP_MS);
  await ended;
  clearTimeout(timer);
  return isForced;
}
