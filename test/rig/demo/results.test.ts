import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { saveResult } from '../../../rig/demo/results.ts';
import type { Shown } from '../../../rig/demo/timeline.ts';

/** A link that answers with the status in its path. */
async function setup() {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-results-'));
  const server = createServer((request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end('picture');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo; // a TCP server's
  const save = (results: Shown['results']) => saveResult({ provider: 'fashn', results }, 1, folder);
  return { folder, link: (status: number) => `http://127.0.0.1:${port}/${status}`, save };
}

test('a result is saved as a picture, or as JSON when it is none', async () => {
  const { folder, link, save } = await setup();
  expect(await save([{ kind: 'file', url: link(200) }])).toEqual({ file: `${folder}/fashn-1.png` });
  expect(await readFile(join(folder, 'fashn-1.png'), 'utf8')).toBe('picture');
  expect(await save([{ kind: 'data', data: { score: 1 } }])).toEqual({
    file: `${folder}/fashn-1.json`,
  });
  expect(JSON.parse(await readFile(join(folder, 'fashn-1.json'), 'utf8'))).toEqual([{ score: 1 }]);
});

test('a dead link is told, not thrown', async () => {
  const { link, save } = await setup();
  expect(await save([{ kind: 'file', url: link(403) }])).toEqual({ problem: 'link answered 403' });
  expect(await save([{ kind: 'file', url: 'http://127.0.0.1:1/gone' }])).toEqual({
    problem: 'link did not answer',
  });
});

test('where there is no result, nothing is saved', async () => {
  const { save } = await setup();
  expect(await save([])).toBeUndefined();
});
