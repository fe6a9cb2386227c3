import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { EmbeddedRedisError } from './embedded-redis-error.ts';
import { runCommand } from './run-command.ts';

const processSchema = z.object({ pid: z.number().int().positive(), started: z.string() });
const ownerSchema = z.object({ holder: processSchema, parent: processSchema });

/** A process, told apart from a later one that was given the same pid. */
type ProcessIdentity = z.infer<typeof processSchema>;

const maxSlots = 100;

/** A little more than the supervisor gives Redis to write everything down and end. */
const endingWaitMs = 12_000;

/**
 * Claims `baseDir`, or the next free of `baseDir-2`, `baseDir-3`, … for as long as the process
 * `holderPid` lives, and returns the claimed folder, made if need be. There is nothing to release.
 * A folder whose holder is only still ending, because its parent was killed, is waited for.
 * Throws `data_folder_busy` when a hundred folders are taken.
 */
export async function claimDataFolder(baseDir: string, holderPid: number): Promise<string> {
  const owner = JSON.stringify({
    holder: await identify(holderPid),
    parent: await identify(process.pid),
  });
  for (let slot = 1; slot <= maxSlots; slot += 1) {
    const folder = slot === 1 ? baseDir : `${baseDir}-${slot}`;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (await claim(folder, owner)) return folder;
  }
  throw new EmbeddedRedisError(
    'data_folder_busy',
    `${baseDir} and ${maxSlots - 1} folders beside it are in use. End the processes that use them.`,
  );
}

/**
 * Owner files are numbered: `owner.1`, `owner.2`, … The highest number is the owner's and is never
 * deleted. A dead owner is followed by linking the next number, which only one process can do, so no
 * one ever removes an owner file that a living process relies on. Whoever acted on an old listing
 * finds a higher number afterwards and withdraws.
 */
async function claim(folder: string, owner: string): Promise<boolean> {
  const deadline = Date.now() + endingWaitMs;
  for (;;) {
    const highest = Math.max(0, ...(await listOwnerNumbers(folder)));
    const state = highest === 0 ? 'dead' : await ownerState(join(folder, `owner.${highest}`));
    if (state === 'alive' || Date.now() > deadline) return false;
    if (state === 'ending') await pause(50);
    else if (state === 'dead' && (await follow(folder, highest + 1, owner))) return true;
  }
}

async function follow(folder: string, mine: number, owner: string): Promise<boolean> {
  const draft = join(folder, `draft-${randomUUID()}`);
  // Linked, not written in place: whoever sees the owner file sees all of it.
  await writeFile(draft, owner);
  try {
    await link(draft, join(folder, `owner.${mine}`));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const numbers = await listOwnerNumbers(folder);
  const outdated = Math.max(...numbers) > mine ? [mine] : numbers.filter((n) => n < mine);
  for (const number of outdated) await rm(join(folder, `owner.${number}`), { force: true });
  return !outdated.includes(mine);
}

async function listOwnerNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => {
    const number = /^owner\.(\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** `gone`: someone has moved the numbering on since it was listed; look again. */
async function ownerState(path: string): Promise<'alive' | 'ending' | 'dead' | 'gone'> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return 'gone';
  const owner = ownerSchema.safeParse(parseJson(text));
  if (!owner.success || !(await isRunning(owner.data.holder))) return 'dead';
  return (await isRunning(owner.data.parent)) ? 'alive' : 'ending';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function identify(pid: number): Promise<ProcessIdentity> {
  const started = await startOf(pid);
  if (started !== undefined) return { pid, started };
  throw new EmbeddedRedisError('did_not_start', `Process ${pid} ended before it could be used.`);
}

async function isRunning({ pid, started }: ProcessIdentity): Promise<boolean> {
  return (await startOf(pid)) === started;
}

/** When a process started, in words only good for comparing; undefined when it is gone or a zombie. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    const { exitCode, output } = await runCommand('ps', ['-o', 'stat=,lstart=', '-p', `${pid}`], {
      timeoutMs: 5_000,
    });
    const [state, ...start] = output.trim().split(/\s+/);
    return exitCode !== 0 || state?.startsWith('Z') ? undefined : start.join(' ');
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The program's name may hold spaces and brackets; the fields start behind its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticksSinceBoot] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()} ${ticksSinceBoot}`;
}
