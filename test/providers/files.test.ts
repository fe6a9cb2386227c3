import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFolderFiles } from '../../src/providers/files.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000', 'hex');

async function setup() {
  const parent = await mkdtemp(join(tmpdir(), 'catwalk-files-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const folder = join(parent, 'made', 'when needed');
  const publicUrl = 'https://catwalk.example.com';
  const store = (secret: string) => createFolderFiles({ folder, publicUrl, secret });
  return { folder, files: store('one'), store };
}

test('a file is kept whole, under a name that is one plain path segment', async () => {
  const { folder, files } = await setup();
  const url = await files.put(PNG);
  expect(url).toMatch(/^https:\/\/catwalk\.example\.com\/files\/[0-9a-f]{40}\.png$/);
  const names = await readdir(folder);
  expect(names).toEqual([basename(url ?? '')]);
  expect(await readFile(join(folder, names[0] ?? ''))).toEqual(PNG);
});

test('the same bytes have the same URL and are stored once, other bytes another', async () => {
  const { folder, files } = await setup();
  const [first, again] = await Promise.all([files.put(PNG), files.put(Buffer.from(PNG))]);
  expect(again).toBe(first);
  expect(await files.put(Buffer.concat([PNG, PNG]))).not.toBe(first);
  expect(await readdir(folder)).toHaveLength(2);
});

test('who has the bytes but not the secret cannot tell the URL', async () => {
  const { files, store } = await setup();
  expect(await store('two').put(PNG)).not.toBe(await files.put(PNG));
});

test('what is no picture or video is not kept', async () => {
  const { folder, files } = await setup();
  for (const bytes of ['', '<html>', '{"a":1}']) {
    expect(await files.put(Buffer.from(bytes))).toBeUndefined();
  }
  await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('only what is older is removed, and an absent folder is no trouble', async () => {
  const { folder, files } = await setup();
  await files.removeOlderThan(Date.now());
  const kept = await files.put(PNG);
  await writeFile(join(folder, 'old.png'), PNG);
  await utimes(join(folder, 'old.png'), 1_000, 1_000);
  await files.removeOlderThan(2_000_000);
  expect(await readdir(folder)).toEqual([basename(kept ?? '')]);
});
