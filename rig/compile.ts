import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cleanup } from './cleanup.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

/**
 * Compiles every program of ours into a temporary folder, as they run in production, so that no
 * loader is in what is measured. Types are checked elsewhere. What is compiled itself is copied: the
 * programs of a run may write there.
 */
export async function compileToTemporaryFolder(cleanup: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-compiled-'));
  const isSource = import.meta.url.endsWith('.ts');
  const compiled = isSource
    ? compileInto(folder)
    : cp(project, folder, { recursive: true, verbatimSymlinks: true });
  cleanup.add(async () => {
    // The compiler must not write into a folder that is gone.
    await compiled.catch(() => {});
    await rm(folder, { recursive: true, force: true });
  });
  await compiled;
  return folder;
}

async function compileInto(folder: string): Promise<void> {
  await promisify(execFile)(process.execPath, [
    join(project, 'node_modules/typescript/bin/tsc'),
    ...['-p', join(project, 'rig/tsconfig.json'), '--outDir', folder],
  ]);
  for (const place of ['src/store', 'rig/redis']) {
    const filter = (path: string): boolean => !path.endsWith('.ts');
    await cp(join(project, place), join(folder, place), { recursive: true, filter });
  }
  await symlink(join(project, 'simulator/artwork'), join(folder, 'simulator/artwork'), 'junction');
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'), 'junction');
  await cp(join(project, 'package.json'), join(folder, 'package.json'));
}
