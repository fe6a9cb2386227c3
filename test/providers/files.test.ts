import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PROVIDER_NAMES } from '../../src/config/env.ts';
import { createFolderFiles, KEPT_FILE_NAME, sendersOfBytes } from '../../src/providers/files.ts';
import { PROVIDER_FACTORIES } from '../../src/providers/registry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sharedParts } from './shared-parts.ts';

/** What a writer that died leaves behind. */
const DRAFT = '.0f8fad5b-d9cb-469f-a165-70867728950e.draft';
const PNG = Buffer.from('89504e470d0a1a0a0000', 'hex');

async function setup() {
  const folder = join(await temporaryFolder(), 'made', 'when needed');
  const publicUrl = 'https://catwalk.example.com';
  const store = (secret: string) => createFolderFiles({ folder, publicUrl, secret });
  const age = (name: string) => utimes(join(folder, name), 1_000, 1_000);
  return { folder, files: store('one'), store, age };
}

test('a file is kept whole, under a name that is one plain path segment', async () => {
  const { folder, files } = await setup();
  const url = await files.put(PNG, 'task-1');
  expect(url).toMatch(/^https:\/\/catwalk\.example\.com\/files\/[0-9a-f]{40}\.png$/);
  const names = await readdir(folder);
  expect(names).toEqual([basename(url ?? '')]);
  expect(await readFile(join(folder, names[0] ?? ''))).toEqual(PNG);
});

test.each([
  ['png', '89504e470d0a1a0a'],
  ['jpg', 'ffd8ffe000104a46'],
  ['gif', '474946383961'],
  ['webp', '524946460000000057454250'],
  ['avif', '000000206674797061766966'],
  ['heic', '000000206674797068656963'],
  ['mp4', '000000206674797069736f6d'],
])(
  'a %s has a name that is known as ours when it is served and swept',
  async (extension, start) => {
    const { files } = await setup();
    const name = basename((await files.put(Buffer.from(start, 'hex'), 'task-1')) ?? '');
    expect(name.split('.')[1]).toBe(extension);
    expect(name).toMatch(KEPT_FILE_NAME);
  },
);

test('the same bytes have the same URL and are stored once, other bytes another', async () => {
  const { folder, files } = await setup();
  const [first, again] = await Promise.all([
    files.put(PNG, 'task-1'),
    files.put(Buffer.from(PNG), 'task-1'),
  ]);
  expect(again).toBe(first);
  expect(await files.put(Buffer.concat([PNG, PNG]), 'task-1')).not.toBe(first);
  expect(await readdir(folder)).toHaveLength(2);
});

test('what two tasks brought alike is two files, so that erasing one leaves the other', async () => {
  const { folder, files } = await setup();
  const [one, other] = [await files.put(PNG, 'task-1'), await files.put(PNG, 'task-2')];
  expect(other).not.toBe(one);
  await rm(join(folder, basename(one ?? '')));
  expect(await readdir(folder)).toEqual([basename(other ?? '')]);
  expect(await files.putJson('{}', 'task-1')).not.toBe(await files.putJson('{}', 'task-2'));
});

test('who has the bytes but not the secret cannot tell the URL', async () => {
  const { files, store } = await setup();
  expect(await store('two').put(PNG, 'task-1')).not.toBe(await files.put(PNG, 'task-1'));
});

test('what is no picture or video is not kept', async () => {
  const { folder, files } = await setup();
  for (const bytes of ['', '<html>', '{"a":1}']) {
    expect(await files.put(Buffer.from(bytes), 'task-1')).toBeUndefined();
  }
  await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('only what is older is removed, drafts too, and an absent folder is no trouble', async () => {
  const { folder, files, age } = await setup();
  await files.removeOlderThan(2_000_000);
  const kept = await files.put(PNG, 'task-1');
  const old = await files.put(Buffer.concat([PNG, PNG]), 'task-1');
  await age(basename(old ?? ''));
  await writeFile(join(folder, DRAFT), PNG);
  await age(DRAFT);
  await files.removeOlderThan(2_000_000);
  expect(await readdir(folder)).toEqual([basename(kept ?? '')]);
});

test('files and folders that somebody else put there are never removed', async () => {
  const { folder, files, age } = await setup();
  await files.put(PNG, 'task-1');
  await files.removeOlderThan(Date.now() + 60_000);
  const others = ['.env', '.gitkeep', 'album', 'holiday.png'];
  for (const name of others) {
    if (name === 'album') await mkdir(join(folder, name));
    else await writeFile(join(folder, name), PNG);
    await age(name);
  }
  await files.removeOlderThan(2_000_000);
  expect((await readdir(folder)).sort()).toEqual(others);
});

test('what cannot be removed is reported, after everything else has been removed', async () => {
  const { folder, files, age } = await setup();
  const [first, last] = [`${'0'.repeat(40)}.png`, `${'f'.repeat(40)}.png`];
  await files.put(PNG, 'task-1');
  await mkdir(join(folder, first));
  await writeFile(join(folder, last), PNG);
  for (const name of [first, last]) await age(name);
  await expect(files.removeOlderThan(2_000_000)).rejects.toThrow('1 files not removed');
  expect(await readdir(folder)).toContain(first);
  expect(await readdir(folder)).not.toContain(last);
});

test('the providers that may need our public address are those that keep files, and your own', async () => {
  const { close, ...shared } = await sharedParts();
  onTestFinished(close);
  const keeping: string[] = [];
  for (const [name, create] of PROVIDER_FACTORIES) {
    const apiKey = name === 'image-intelligence' ? 'client:secret' : 'key';
    create({
      ...{ apiKey, baseUrl: 'https://provider.example', webhookSecrets: [], ...shared },
      get files() {
        keeping.push(name);
        return shared.files;
      },
    });
  }
  expect(keeping).not.toEqual([]);
  // Its data may be too much for a record, and then becomes a file: large-data.ts.
  const expected = new Set([...keeping, 'image-intelligence', 'acme']);
  expect(new Set(sendersOfBytes([...PROVIDER_NAMES, 'acme'], PROVIDER_NAMES))).toEqual(expected);
});
