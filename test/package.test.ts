import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(ROOT + path, 'utf8');

const { dependencies } = z
  .object({ dependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')));

/** What is built into dist: the tree of tsconfig.build.json. */
const BUILT = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !/^(dev|simulator)\//.test(path))
  .map((path) => `src/${path}`);

/** What `npm pack` puts beside dist. */
function packed(): string[] {
  const args = ['pack', '--dry-run', '--json', '--loglevel', 'silent'];
  const [packing] = z
    .array(z.object({ files: z.array(z.object({ path: z.string() })) }))
    .parse(JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' })));
  return (packing?.files ?? []).map(({ path }) => path).filter((path) => !/^dist\//.test(path));
}

/** The specifiers of its imports, types too: whoever compiles against the package needs those. */
function importsOf(path: string): string[] {
  const found = read(path).matchAll(/(?:from|^import) '([^'\n]+)';$/gm);
  return [...found].map(([, specifier]) => specifier ?? '').filter((name) => !isBuiltin(name));
}

/** `@scope/name/path` and `name/path` without their paths. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

describe('the package', () => {
  test('declares what its programs and library import, and nothing else', () => {
    const outside = BUILT.flatMap(importsOf).filter((specifier) => !specifier.startsWith('.'));
    const imported = new Set(outside.map(packageOf));
    expect([...imported].sort()).toEqual(Object.keys(dependencies).sort());
  });

  test('ships examples that can be copied: they import only it and its dependencies', () => {
    const sources = packed().filter((path) => path.endsWith('.ts'));
    expect(sources).toContain('examples/acme-provider/index.ts');
    const usable = ['catwalk', ...Object.keys(dependencies)];
    const wrong = sources.flatMap((path) =>
      importsOf(path)
        .filter((specifier) => !usable.includes(packageOf(specifier)))
        .map((specifier) => `${path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});
