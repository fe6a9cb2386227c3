import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(ROOT + path, 'utf8');

const Versions = z.record(z.string(), z.string()).default({});
const Manifest = z.object({ dependencies: Versions, optionalDependencies: Versions });
const manifestOf = (folder: string) => Manifest.parse(JSON.parse(read(`${folder}package.json`)));
const { dependencies, optionalDependencies } = manifestOf('');

/** The packages that the sources in a folder import. */
function packagesIn(folder: string): string[] {
  const sources = readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => importsOf(`${folder}/${path}`));
  const outside = sources.filter((specifier) => !specifier.startsWith('.'));
  return [...new Set(outside.map(packageOf))].sort();
}

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
  test('depends on what the product imports, and on nothing else', () => {
    expect(packagesIn('src')).toEqual(Object.keys(dependencies).sort());
  });

  test.each(['rig', 'simulator'])(
    '%s declares what it imports, and the one package that ships it brings the same',
    (folder) => {
      const declared = manifestOf(`${folder}/`).dependencies;
      expect(packagesIn(folder)).toEqual(Object.keys(declared).sort());
      expect({ ...dependencies, ...optionalDependencies }).toMatchObject(declared);
    },
  );

  test('calls optional what only dev, demo and the simulator need', () => {
    const needed = new Set(['rig', 'simulator'].flatMap(packagesIn));
    for (const name of Object.keys(dependencies)) needed.delete(name);
    expect(Object.keys(optionalDependencies).sort()).toEqual([...needed].sort());
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
