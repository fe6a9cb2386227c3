import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./redis-supervisor.sh', import.meta.url));

/**
 * The small shell process between this one and Redis: it ends Redis, and removes `runtime`, when
 * this process stops it or is gone. Opened by `start`, closed by `stop`.
 */
export class RedisSupervisor {
  /** Resolves, never rejects, when the supervisor and Redis have ended: to what Redis logged last. */
  readonly ended: Promise<string>;
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, null, Readable>;
  #hasEnded = false;

  /** Starts the supervisor; Redis waits for `startRedis`. Rejects when there is no `sh`. */
  static async start(serverPath: string, runtime: string): Promise<RedisSupervisor> {
    const child = spawn('sh', [script, serverPath, runtime], {
      cwd: '/',
      // A process group of its own: Ctrl-C in a terminal stops us first, and Redis after us.
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    await once(child, 'spawn');
    return new RedisSupervisor(child);
  }

  private constructor(child: ChildProcessByStdio<Writable, null, Readable>) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    let lastWords = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      lastWords += text;
    });
    // A write that comes too late fails with EPIPE; `ended` tells the same.
    child.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        // Should the supervisor alone be killed, its watcher still ends Redis when the pipe closes.
        child.stdin.destroy();
      });
      child.once('close', () => {
        this.#hasEnded = true;
        resolve(lastWords.trim());
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Lets Redis start; `runtime/redis.conf` must exist. What it prints goes to the file `logPath`. */
  startRedis(logPath: string): void {
    this.#child.stdin.write(`${logPath}\n`);
  }

  /** From now on neither supervisor nor Redis keeps this process running. */
  release(): void {
    this.#child.unref();
    for (const pipe of this.#pipes()) pipe.unref();
  }

  /** Ends Redis, gently for ten seconds, and resolves when it is gone. May be called again. */
  async stop(): Promise<string> {
    this.#child.ref();
    for (const pipe of this.#pipes()) pipe.ref();
    this.#child.stdin.end();
    return await this.ended;
  }

  #pipes(): Socket[] {
    const { stdin, stderr } = this.#child;
    return [stdin, stderr].filter((stream) => stream instanceof Socket);
  }
}
