import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFolderFiles } from '../../src/providers/files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { problemOf, setup } from './setup.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000', 'hex');

async function setupFiles() {
  const folder = await temporaryFolder();
  const files = createFolderFiles({ folder, publicUrl: '', secret: 'one' });
  const path = await files.put(PNG, 'task-1');
  return { folder, path: path ?? '', ...(await setup({ FILES_DIR: folder })) };
}

test('a kept file is served to pages of any origin, and may be cached', async () => {
  const { call, path } = await setupFiles();
  const response = await call(path);
  expect(response.status).toBe(200);
  expect(Buffer.from(await response.arrayBuffer())).toEqual(PNG);
  expect(response.headers.get('content-type')).toBe('image/png');
  expect(response.headers.get('cache-control')).toContain('immutable');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
});

test('only files are for pages of any origin', async () => {
  const { call } = await setupFiles();
  for (const other of ['/livez', '/v1/models', '/files/absent', `/files/${'0'.repeat(40)}.png`]) {
    const policy = (await call(other)).headers.get('cross-origin-resource-policy');
    expect(policy, other).toBe('same-origin');
  }
});

test('what somebody else put in the folder is answered like what does not exist', async () => {
  const { call, folder, path } = await setupFiles();
  const name = path.replace('/files/', '');
  const others = ['notes.txt', 'holiday.png', '.env', `${name}.bak`, `.${name}`];
  await mkdir(join(folder, 'album'));
  for (const other of [...others, `album/${name}`]) await writeFile(join(folder, other), PNG);
  const asked = [
    ...others,
    'album',
    `album/${name}`,
    `album%2F${name}`,
    '',
    `..%2Ffiles%2F${name}`,
  ];
  for (const other of asked) {
    const response = await call(`/files/${other}`);
    expect(await problemOf(response), other).toMatchObject({ status: 404, code: 'not_found' });
  }
});
