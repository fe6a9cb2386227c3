import { readFile } from 'node:fs/promises';

/** Linux tells process times in hundredths of a second, whatever its own clock does. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used; NaN where there is no /proc. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The program's name may hold spaces and brackets; the fields start behind its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  if (user === undefined || system === undefined) return Number.NaN;
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}
