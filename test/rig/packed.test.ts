import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startProcess } from '../../rig/start-process.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What `npm run build` and `npm pack` take. */
const SOURCES = ['package.json', 'src', 'simulator', 'rig', 'examples', 'docs', 'tsconfig.json'];

const Manifest = z.object({
  bin: z.object({ catwalk: z.string().regex(/^dist\/.+\.js$/) }),
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
});
const Failed = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() });
const Shown = z.looseObject({ id: z.string(), status: z.string() });

/** Built and packed in a folder of its own, so that the project's own dist stays as it is. */
async function pack(folder: string): Promise<string> {
  const project = join(folder, 'project');
  await mkdir(project);
  for (const path of [...SOURCES, 'tsconfig.build.json']) {
    await cp(join(ROOT, path), join(project, path), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  await run('npm', ['run', 'build'], { cwd: project });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: project });
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  return join(folder, tarball);
}

/**
 * An app's folder with the tarball installed, and what it declares: no more than that.
 * @param options.omitOptional as `npm install --omit=optional` does.
 */
async function install(tarball: string, app: string, options: { omitOptional?: boolean } = {}) {
  const modules = join(app, 'node_modules');
  const home = join(modules, 'catwalk');
  await mkdir(home, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', home, '--strip-components', '1']);
  const manifest = Manifest.parse(JSON.parse(await readFile(join(home, 'package.json'), 'utf8')));
  const optional = options.omitOptional ? {} : manifest.optionalDependencies;
  for (const name of Object.keys({ ...manifest.dependencies, ...optional })) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  return { home, program: manifest.bin.catwalk.replace(/^dist\/|\.js$/g, '') };
}

let folder: string;
let tarball: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-test-'));
  tarball = await pack(folder);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** How an installed `catwalk` ends, and what it says. */
async function runInstalled(home: string, program: string, words: readonly string[]) {
  const args = [join(home, 'dist', `${program}.js`), ...words];
  const { PATH, HOME } = process.env;
  const ended = run(process.execPath, args, { cwd: dirname(dirname(home)), env: { PATH, HOME } });
  return ended.then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => Failed.parse(error),
  );
}

test('without the optional packages the product runs, and what needs them says so', async () => {
  const app = join(folder, 'lean');
  const { home, program } = await install(tarball, app, { omitOptional: true });
  for (const command of ['http', 'worker', 'redrive', 'backfill']) {
    const { code, stdout } = await runInstalled(home, program, [command, '--help']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^catwalk /) });
  }
  for (const command of ['dev', 'demo', 'simulator']) {
    const failed = await runInstalled(home, program, [command]);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed).toHaveProperty(
      'stderr',
      expect.stringMatching(
        new RegExp(
          `^catwalk ${command} needs the package [\\w-]+, one of .*, and it is not installed\\.\\n` +
            'Install them with: npm install --include=optional\\n$',
        ),
      ),
    );
  }
}, 60_000);

test('the packed package runs everything in an app’s own folder: a request to `catwalk dev` completes', async () => {
  const app = join(folder, 'app');
  const { home, program } = await install(tarball, app);
  const { PATH, HOME } = process.env;
  const dev = startProcess(program, {
    ...{ folder: join(home, 'dist'), cwd: app, args: ['dev'] },
    env: { PATH, HOME, PORT: '0', LOG_LEVEL: 'error' },
  });
  onTestFinished(async () => {
    await dev.stop();
  });
  const [, url, key, body] = await dev.line(/^try .* (http\S+) .*Bearer ([^']+)'.* -d '(.+)'$/);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const { id } = await until('it is taken', async () => {
    const asked = await fetch(`${url}`, { method: 'POST', headers, body: `${body}` });
    return asked.ok ? Shown.parse(await asked.json()) : undefined;
  });
  await until(
    'it is completed',
    async () => {
      const { status } = Shown.parse(await (await fetch(`${url}/${id}`, { headers })).json());
      return status === 'completed';
    },
    40_000,
  );
  await dev.stop();
  expect(await dev.ended).toBe(0);
}, 120_000);
