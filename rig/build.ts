import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cleanup } from './cleanup.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

/**
 * Compiles src and `programs` into a temporary folder, as they run in production, so that no loader
 * is in what is measured. Types are checked elsewhere.
 */
export async function buildToTemporaryFolder(
  cleanup: Cleanup,
  programs: 'bench' | 'chaos' | 'attack' = 'bench',
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `catwalk-${programs}-`));
  const built = buildInto(folder, programs);
  cleanup.add(async () => {
    // The compiler must not write into a folder that is gone.
    await built.catch(() => {});
    await rm(folder, { recursive: true, force: true });
  });
  await built;
  return folder;
}

async function buildInto(folder: string, programs: string): Promise<void> {
  await promisify(execFile)(process.execPath, [
    join(project, 'node_modules/typescript/bin/tsc'),
    ...['-p', join(project, programs, 'tsconfig.json'), '--outDir', folder],
  ]);
  await cp(join(project, 'src/store'), join(folder, 'src/store'), {
    recursive: true,
    filter: (path) => !path.endsWith('.ts'),
  });
  await symlink(join(project, 'simulator/artwork'), join(folder, 'simulator/artwork'), 'junction');
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'), 'junction');
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
}
