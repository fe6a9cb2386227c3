import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseSource, targetOf } from './support/source-file.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Which folder beside src may import from which, besides itself; src's own rules are in
 * architecture.test.ts. Of two names that fit a file, the later is its rule.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  src: [],
  // Stands in for other people's servers, so it must not share our mistakes.
  simulator: [],
  // Starts the simulator as a process of its own.
  rig: ['src', 'simulator/main.ts'],
  bench: ['src', 'rig'],
  chaos: ['src', 'rig', 'simulator'],
  // Signs forgeries as the simulated provider signs.
  attack: ['src', 'rig', 'simulator'],
  // An adapter in somebody else's project.
  examples: [],
  test: ['src', 'rig', 'simulator', 'examples'],
  'test/bench': ['test', 'src', 'rig', 'bench'],
  'test/chaos': ['test', 'src', 'rig', 'simulator', 'chaos'],
  'test/attack': ['test', 'src', 'rig', 'simulator', 'attack'],
};

const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

/** Why `file` may not import this, or undefined when it may. */
function importProblem(file: string, imported: string): string | undefined {
  const target = targetOf(file, imported);
  if (target === undefined) return undefined;
  const own = Object.keys(MAY_IMPORT).findLast((folder) => isIn(file, folder));
  if (own === undefined) return `${file}: no rule in this test names its folder`;
  const allowed = [own, ...(MAY_IMPORT[own] ?? [])];
  if (allowed.some((folder) => isIn(target, folder))) return undefined;
  return `${file} imports '${imported}': ${own} may import from ${allowed.join(', ')}`;
}

async function filesIn(folder: string): Promise<string[]> {
  const paths = await readdir(ROOT + folder, { recursive: true, encoding: 'utf8' });
  const files = paths.map((path) => `${folder}/${path.replaceAll('\\', '/')}`);
  return files.filter((path) => path.endsWith('.ts')).sort();
}

const FOLDERS = Object.keys(MAY_IMPORT).filter((folder) => !folder.includes('/'));

test.each(FOLDERS)('%s imports only from where it may', async (folder) => {
  const files = await filesIn(folder);
  expect(files.length).toBeGreaterThan(0);
  const problems = files.flatMap((file) =>
    parseSource(file, readFileSync(ROOT + file, 'utf8')).imports.flatMap(
      (imported) => importProblem(file, imported) ?? [],
    ),
  );
  expect(problems).toEqual([]);
});

test('every folder with code in it has a rule', async () => {
  const entries = await readdir(ROOT, { withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$)/.test(entry.name))
    .map(({ name }) => name);
  const withCode = [];
  for (const folder of folders) if ((await filesIn(folder)).length > 0) withCode.push(folder);
  expect(withCode.sort()).toEqual([...FOLDERS].sort());
});

describe('these rules can fail', () => {
  test.each([
    ['src/http/app.ts', '../../rig/flags.ts'],
    ['simulator/server.ts', '../src/config/env.ts'],
    ['simulator/random.ts', '../rig/random.ts'],
    ['rig/simulation.ts', '../simulator/server.ts'],
    ['rig/demo/stack.ts', '../../test/support/until.ts'],
    ['rig/random.ts', '../chaos/plan.ts'],
    ['bench/stack.ts', '../chaos/stage.ts'],
    ['chaos/run.ts', '../bench/clock.ts'],
    ['attack/books.ts', '../bench/measure.ts'],
    ['attack/run.ts', '../chaos/plan.ts'],
    ['examples/acme-provider/index.ts', '../../src/provider-kit.ts'],
    ['test/pipeline/redrive.test.ts', '../../chaos/catalogue.ts'],
    ['test/http/app.test.ts', '../../attack/raw-socket.ts'],
    ['test/chaos/plan.test.ts', '../../attack/options.ts'],
    ['test/bench/fairness.test.ts', '../../chaos/plan.ts'],
    ['scripts/tidy.ts', '../src/config/env.ts'],
  ])('%s may not import %s', (file, imported) => {
    expect(importProblem(file, imported)).toContain(file);
  });

  test.each([
    ['rig/catwalk.ts', '../simulator/main.ts'],
    ['rig/dev/main.ts', '../../src/http/start.ts'],
    ['chaos/simulator.ts', '../simulator/server.ts'],
    ['attack/shop.ts', '../rig/demo/catalogue.ts'],
    ['test/bench/fairness.test.ts', '../../bench/fairness/ideal.ts'],
    ['test/chaos/plan.test.ts', '../../chaos/plan.ts'],
    ['test/attack/attack.test.ts', '../support/programs.ts'],
    ['test/http/app.test.ts', '../../simulator/server.ts'],
    ['simulator/server.ts', 'express'],
  ])('%s may import %s', (file, imported) => {
    expect(importProblem(file, imported)).toBeUndefined();
  });
});
