import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Environment } from '../src/config/env.ts';

const root = new URL('../', import.meta.url);
const read = (path: string) => readFile(new URL(path, root), 'utf8');

test('every program that the containers run is built from a source that exists', async () => {
  const files = `${await read('Dockerfile')}${await read('docker-compose.yml')}`;
  const programs = [...files.matchAll(/dist\/([\w/-]+)\.js/g)].map((match) => match[1] ?? '');
  expect(new Set(programs)).toEqual(new Set(['src/http/main', 'src/workers/main']));
  for (const program of programs) expect(existsSync(new URL(`${program}.ts`, root))).toBe(true);
});

test('the worker can be scaled: it has neither a name nor a published port', async () => {
  const compose = await read('docker-compose.yml');
  const worker = /^ {2}worker:\n((?: {4}.*\n)+)/m.exec(compose)?.[1] ?? '';
  expect(worker).toContain('dist/src/workers/main.js');
  expect(`${worker}${/^x-catwalk:[\s\S]*?\n\n/m.exec(compose)?.[0]}`).not.toMatch(
    /container_name|ports:/,
  );
});

test('a container is unhealthy when a restart would help: both processes are asked for /livez', async () => {
  const compose = await read('docker-compose.yml');
  const asked = [...compose.matchAll(/fetch\('http:\/\/127\.0\.0\.1:(\d+)(\/\w+)'/g)];
  expect(asked.map(([, port, path]) => `${port} ${path}`)).toEqual(['3000 /livez', '9090 /livez']);
});

test('a container has longer to stop than a process takes', async () => {
  const compose = await read('docker-compose.yml');
  const grace = /^x-catwalk:[\s\S]*?stop_grace_period: (\d+)s/m.exec(compose)?.[1];
  const { SHUTDOWN_MS } = Environment.parse({});
  expect(Number(grace) * 1_000).toBeGreaterThan(SHUTDOWN_MS);
});

test('every stage of the image is the same Node, one that the pages say the suite runs on', async () => {
  const images = [...(await read('Dockerfile')).matchAll(/^FROM (node:(\d+)\S+)/gm)];
  expect(images.length).toBeGreaterThan(1);
  expect(new Set(images.map(([, image]) => image)).size).toBe(1);
  const major = images[0]?.[2] ?? '';
  expect(await read('docs/contributing.md')).toContain(`npx -y -p node@${major} -c 'npm test'`);
  expect(await read('docs/operating.md')).toContain(`the newest LTS of Node, ${major}`);
});
