import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Cleanup } from '../rig/cleanup.ts';

/** How a process is kept from taking more memory than it may. */
export interface MemoryLimit {
  /** How it is enforced, for the report. */
  readonly kind: string;
  /** What starts the process inside the limit; nothing where it is only watched. */
  readonly launcher: readonly string[];
  /** Watches, where the system does not: kills what takes too much. */
  watch(pid: number): void;
}

const LIMIT_BYTES = 512 * 1024 * 1024;
const CHECK_EVERY_MS = 50;
const ROOT = '/sys/fs/cgroup';

/** What each version of Linux' control groups calls its files. */
const VERSIONS = [
  {
    kind: 'cgroup v1',
    parent: join(ROOT, 'memory'),
    limits: { 'memory.limit_in_bytes': LIMIT_BYTES, 'memory.memsw.limit_in_bytes': LIMIT_BYTES },
  },
  { kind: 'cgroup v2', parent: ROOT, limits: { 'memory.max': LIMIT_BYTES, 'memory.swap.max': 0 } },
];

/** Joins the group, then becomes the program: it never lives outside. */
const JOIN = 'echo $$ > "$0" && exec "$@"';

/** A control group where one can be made, which is how containers are limited; else a watchdog. */
export async function limitMemory(cleanup: Cleanup): Promise<MemoryLimit> {
  for (const { kind, parent, limits } of VERSIONS) {
    const group = join(parent, `catwalk-attack-${process.pid}`);
    if (!(await makeGroup(group, limits))) continue;
    cleanup.add(() => removeGroup(group));
    const launcher = ['/bin/sh', '-c', JOIN, join(group, 'cgroup.procs')];
    return { kind, launcher, watch: () => {} };
  }
  const timers = new Set<NodeJS.Timeout>();
  cleanup.add(() => timers.forEach(clearInterval));
  return {
    kind: 'watchdog',
    launcher: [],
    watch: (pid) => {
      const timer = setInterval(async () => {
        if ((await memoryOf(pid)).now > LIMIT_BYTES) process.kill(pid, 'SIGKILL');
      }, CHECK_EVERY_MS);
      timers.add(timer);
    },
  };
}

async function makeGroup(group: string, limits: Record<string, number>): Promise<boolean> {
  try {
    await mkdir(group);
    const [first] = Object.keys(limits);
    // Where the controller is not switched on, a folder can be made but limits nothing.
    if (!first || !existsSync(join(group, first))) throw new Error('no memory controller');
    for (const [file, bytes] of Object.entries(limits)) {
      if (existsSync(join(group, file))) await writeFile(join(group, file), String(bytes));
    }
    return true;
  } catch {
    await rmdir(group).catch(() => {});
    return false;
  }
}

/** It can be removed a moment after its last process has ended. */
async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const removed = await rmdir(group).then(
      () => true,
      () => false,
    );
    if (removed) return;
    await wait(100);
  }
}

/** Bytes that a process has in memory, and the most that it ever had; NaN where there is no /proc. */
export async function memoryOf(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}
