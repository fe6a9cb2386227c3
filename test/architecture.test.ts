import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MAY_IMPORT } from './support/may-import.ts';
import { parseSource as parse, type SourceFile, targetOf } from './support/source-file.ts';

/** What the subject itself is made of besides the language: no clock, no network, no files. */
const PURE = { folder: 'generation', packages: ['zod', 'ulid', 'node:crypto'] };

const MOST_LINES = 300;
const MOST_FUNCTION_LINES = 60;
/** Splitting the one table would hide it. */
const MAY_BE_LONGER = ['generation/state-machine.ts'];
/** Loads the modules that an operator names. */
const MAY_COMPUTE_IMPORTS = ['providers/modules.ts'];

/** Why a file of the pure folder is not pure. */
function impurities({ path, imports, impureGlobals }: SourceFile): string[] {
  const packages = imports.filter((name) => targetOf(path, name) === undefined);
  const used = [...packages.filter((name) => !PURE.packages.includes(name)), ...impureGlobals];
  return used.map((name) => `src/${path} uses ${name}: ${PURE.folder} is pure`);
}

/** The folder of src, or the file that lies in src itself. */
const placeOf = (path: string): string => path.split('/')[0] ?? path;

/** Why `file` may not import this, or undefined when it may. */
function importProblem(file: string, imported: string): string | undefined {
  const problem = (rule: string) => `src/${file} imports '${imported}': ${rule}`;
  if (imported === '(computed)' && MAY_COMPUTE_IMPORTS.includes(file)) return undefined;
  if (imported === '(computed)') return problem('imports are literal, so that they can be checked');
  const target = targetOf(file, imported);
  if (target === undefined) return undefined;
  if (target.startsWith('..')) return problem('src imports nothing outside src');
  const [from, to] = [placeOf(file), placeOf(target)];
  const allowed = MAY_IMPORT[from];
  if (!allowed) return problem(`no rule in this test names '${from}'`);
  if (from === to || allowed.includes(to)) return undefined;
  const others = allowed.length > 0 ? `itself, ${allowed.join(', ')}` : 'itself only';
  return problem(`${from} may import from ${others}`);
}

/** The import cycles between files, each named once, starting at its first file. */
function cyclesIn(files: readonly Pick<SourceFile, 'path' | 'imports'>[]): string[] {
  const graph = new Map(
    files.map(({ path, imports }) => [path, imports.flatMap((name) => targetOf(path, name) ?? [])]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

/** The functions that are too long; what lies inside a function counts as part of it. */
function longFunctions({ path, functions }: SourceFile): string[] {
  return functions
    .filter(({ lines }) => lines > MOST_FUNCTION_LINES)
    .map(({ name, line, lines }) => `src/${path}:${line} ${name} has ${lines} lines`);
}

function mayReadEnvironment(path: string): boolean {
  return path.endsWith('/main.ts');
}

const SRC = fileURLToPath(new URL('../src', import.meta.url));
const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => parse(path.replaceAll('\\', '/'), readFileSync(`${SRC}/${path}`, 'utf8')));

describe('the source', () => {
  test('is found and understood', () => {
    const saving = FILES.find((file) => file.path === 'store/save-records.ts');
    expect(saving?.imports).toContain('./record-format.ts');
    expect(saving?.imports).toContain('ioredis');
  });

  test('imports across folders only as the architecture allows', () => {
    const problems = FILES.flatMap(({ path, imports }) =>
      imports.flatMap((imported) => importProblem(path, imported) ?? []),
    );
    expect(problems).toEqual([]);
  });

  test('has no import cycles, type imports included', () => {
    expect(cyclesIn(FILES)).toEqual([]);
  });

  test('keeps its subject pure: nothing in it does I/O, tells the time or draws lots', () => {
    const subject = FILES.filter(({ path }) => placeOf(path) === PURE.folder);
    expect(subject.length).toBeGreaterThan(5);
    expect(subject.flatMap(impurities)).toEqual([]);
  });

  test('reads the environment only in main.ts files', () => {
    const readers = FILES.filter((file) => file.readsEnvironment).map((file) => file.path);
    const problems = readers
      .filter((path) => !mayReadEnvironment(path))
      .map((path) => `src/${path} reads process.env: only main.ts files may`);
    expect(problems).toEqual([]);
  });

  test(`has no file longer than ${MOST_LINES} lines, but for the one table`, () => {
    const problems = FILES.filter((file) => file.lines > MOST_LINES)
      .filter((file) => !MAY_BE_LONGER.includes(file.path))
      .map((file) => `src/${file.path} has ${file.lines} lines: at most ${MOST_LINES}`);
    expect(problems).toEqual([]);
  });

  test(`has no function longer than ${MOST_FUNCTION_LINES} lines, with all that lies inside`, () => {
    expect(FILES.flatMap(({ functions }) => functions).length).toBeGreaterThan(500);
    expect(FILES.flatMap(longFunctions)).toEqual([]);
  });
});

describe('these rules can fail', () => {
  test.each([
    ['config/env.ts', '../generation/ids.ts'],
    ['generation/events.ts', '../config/redis.ts'],
    ['providers/registry.ts', '../config/env.ts'],
    ['providers/fashn/adapter.ts', '../../producers/enqueue.ts'],
    ['producers/enqueue.ts', '../workers/submit.ts'],
    ['producers/enqueue.ts', '../providers/provider.ts'],
    ['workers/submit.ts', '../http/app.ts'],
    ['http/routes/webhooks.ts', '../../workers/advance.ts'],
    ['workers/main.ts', '../../rig/redis/embedded-redis.ts'],
    ['workers/main.ts', '../operations/backfill.ts'],
    ['operations/backfill.ts', '../workers/round.ts'],
    ['workers/main.ts', '../index.ts'],
    ['operations/redrive.ts', '../workers/rules.ts'],
    ['http/app.ts', '../operations/redrive.ts'],
    ['index.ts', '../simulator/server.ts'],
    ['generation/events.ts', '../store/store.ts'],
    ['elsewhere/file.ts', '../generation/ids.ts'],
    ['generation/ids.ts', '../../test/generation/fixtures.ts'],
    ['workers/main.ts', '(computed)'],
  ])('%s may not import %s', (file, imported) => {
    const problem = importProblem(file, imported);
    expect(problem).toContain(`src/${file} imports '${imported}': `);
  });

  test.each([
    ['providers/fashn/adapter.ts', '../../generation/errors.ts'],
    ['workers/stages/callback.ts', '../../config/log.ts'],
    ['http/app.ts', './routes/health.ts'],
    ['index.ts', './http/app.ts'],
    ['store/store.ts', 'ioredis'],
    ['store/store.ts', 'node:fs'],
  ])('%s may import %s', (file, imported) => {
    expect(importProblem(file, imported)).toBeUndefined();
  });

  test('every way to write an import is seen', () => {
    const text = `
      import './a.ts';
      import type { B } from './b.ts';
      export { c } from './c.ts';
      export * from './d.ts';
      export type { E } from './e.ts';
      type F = import('./f.ts').F;
      const g = async () => await import('./g.ts');
      import h = require('./h.ts');
      const i = (name: string) => import(name);
      // import './comment.ts';
      const text = "import './text.ts'";
      export const local = 1;`;
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `./${name}.ts`);
    expect(parse('x.ts', text).imports).toEqual([...names, '(computed)']);
  });

  test('every impurity is seen', () => {
    for (const text of [
      "import { readFileSync } from 'node:fs'",
      "import { Redis } from 'ioredis'",
      'const now = Date.now()',
      'setTimeout(go, 5)',
      'await globalThis.fetch(url)',
      'process.exit()',
    ]) {
      expect(impurities(parse('generation/x.ts', text)), text).toHaveLength(1);
    }
    expect(impurities(parse('generation/x.ts', "import { z } from 'zod'; now();"))).toEqual([]);
  });

  test('every way to read the environment is seen', () => {
    for (const text of [
      'process.env.A',
      "process['env']",
      'globalThis.process.env',
      'const { env } = process',
      'const { env: settings, ...rest } = process',
      "import { env } from 'node:process'",
      "import process from 'process'",
    ]) {
      expect(parse('x.ts', text).readsEnvironment, text).toBe(true);
    }
    for (const text of ['process.exit()', 'settings.env', '// process.env', "'process.env'"]) {
      expect(parse('x.ts', text).readsEnvironment, text).toBe(false);
    }
  });

  test('a cycle is found and named, and a diamond is none', () => {
    const file = (path: string, ...imports: string[]) => ({ path, imports });
    expect(
      cyclesIn([
        file('a/x.ts', './y.ts'),
        file('a/y.ts', '../b/z.ts'),
        file('b/z.ts', '../a/x.ts'),
      ]),
    ).toEqual(['a/x.ts → a/y.ts → b/z.ts → a/x.ts']);
    expect(
      cyclesIn([file('x.ts', './y.ts', './z.ts'), file('y.ts', './w.ts'), file('z.ts', './w.ts')]),
    ).toEqual([]);
  });

  test('every way to write a function is measured, and what lies inside counts', () => {
    const body = (lines: number) => `{${'\n'.repeat(lines - 1)}}`;
    const tooLong = body(61);
    for (const text of [
      `function long() ${tooLong}`,
      `export default async function long() ${tooLong}`,
      `const long = function () ${tooLong}`,
      `const long = async () => ${tooLong}`,
      `const it = { long() ${tooLong} }`,
      `const it = { long: () => ${tooLong} }`,
      `class It { long() ${tooLong} }`,
      `class It { 'long' = () => ${tooLong} }`,
      `function long() { const inner = () => ${body(60)}\n}`,
      `const long = wrap(() => ${tooLong})`,
    ]) {
      const problem = /^src\/x\.ts:2 long has 6[12] lines$/;
      expect(longFunctions(parse('x.ts', `\n${text}`)), text).toEqual([
        expect.stringMatching(problem),
      ]);
    }
    const short = `function a() ${body(60)}\nconst b = () => ${body(60)}\nconst c = ${tooLong}`;
    expect(longFunctions(parse('x.ts', short))).toEqual([]);
  });

  test('a length is counted in lines, and the environment rule knows its exceptions', () => {
    expect(parse('x.ts', '1;\n2;\n').lines).toBe(2);
    expect(mayReadEnvironment('workers/main.ts')).toBe(true);
    expect(mayReadEnvironment('config/env.ts')).toBe(false);
  });
});
