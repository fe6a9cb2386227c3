import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import S3rver from '@20minutes/s3rver';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createFolderStorage } from '../../src/vault/folder-storage.ts';
import { createS3Storage } from '../../src/vault/s3-storage.ts';
import { type Draft, NotThere, type Storage } from '../../src/vault/storage.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const BUCKET = 'results';
const PLACE = 'results/AB/gen_1-0-abc';
const CONTENT = Buffer.from('0123456789'.repeat(5_000));
const never = (): AbortSignal => new AbortController().signal;

/**
 * A server that checks signatures; its one account is the package's own. `lenient`: it takes wrong
 * ones, because of lists it computes another than the AWS SDK and Amazon do (a slash at the end).
 */
async function s3Server({ lenient = false } = {}) {
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true },
    allowMismatchedSignatures: lenient,
    directory: await temporaryFolder(),
    configureBuckets: [{ name: BUCKET }],
  });
  const { port } = await server.run();
  onTestFinished(() => server.close());
  return `http://127.0.0.1:${port}`;
}

const s3Storage = async (endpoint: string, secretAccessKey = 'S3RVER'): Promise<Storage> => {
  const storage = createS3Storage({
    ...{ bucket: BUCKET, endpoint, region: undefined, pathStyle: true },
    ...{ accessKeyId: 'S3RVER', secretAccessKey },
    draftsFolder: await temporaryFolder(),
  });
  onTestFinished(() => storage.close());
  return storage;
};

const STORAGES = {
  'a folder': async () => createFolderStorage(await temporaryFolder()),
  'an S3-compatible server': async () => s3Storage(await s3Server({ lenient: true })),
} as const;

async function draftIn({ draftsFolder }: Storage, content = CONTENT): Promise<Draft> {
  await mkdir(draftsFolder, { recursive: true });
  const path = join(draftsFolder, 'one.draft');
  await writeFile(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { path, sha256, bytes: content.length, contentType: 'image/png' };
}

describe.each(Object.entries(STORAGES))('%s', (_, open) => {
  test('gives back what it was given, whole or in part', async () => {
    const storage = await open();
    await storage.store(await draftIn(storage), PLACE, never());
    const read = async (range?: { start: number; end: number }) =>
      buffer(await storage.read(PLACE, range, never()));
    expect(await read()).toEqual(CONTENT);
    expect((await read({ start: 10, end: 19 })).toString()).toBe('0123456789');
    expect((await read({ start: 49_999, end: 49_999 })).toString()).toBe('9');
  });

  test('says of what it has not that it is not there', async () => {
    const storage = await open();
    await expect(storage.read(PLACE, undefined, never())).rejects.toBeInstanceOf(NotThere);
    expect(await storage.removeAll('results/AB/gen_1-')).toBe(0);
    await storage.remove(PLACE);
  });

  test('removes all of one generation, and nothing of another', async () => {
    const storage = await open();
    for (const place of [PLACE, 'results/AB/gen_1-1-def', 'results/AB/gen_12-0-abc']) {
      await storage.store(await draftIn(storage), place, never());
    }
    expect(await storage.removeAll('results/AB/gen_1-')).toBe(2);
    await expect(storage.read(PLACE, undefined, never())).rejects.toBeInstanceOf(NotThere);
    const other = await storage.read('results/AB/gen_12-0-abc', undefined, never());
    expect(await buffer(other)).toHaveLength(CONTENT.length);
  });
});

test('a folder keeps nothing but whole files in their places', async () => {
  const folder = await temporaryFolder();
  const storage = createFolderStorage(folder);
  await storage.store(await draftIn(storage), PLACE, never());
  expect(await readdir(join(folder, 'drafts'))).toEqual([]);
  expect(await readFile(join(folder, PLACE))).toEqual(CONTENT);
});

test('an S3-compatible server that checks signatures takes ours', async () => {
  const storage = await s3Storage(await s3Server());
  await storage.store(await draftIn(storage), PLACE, never());
  const part = await storage.read(PLACE, { start: 1, end: 3 }, never());
  expect((await buffer(part)).toString()).toBe('123');
  await storage.remove(PLACE);
  await expect(storage.read(PLACE, undefined, never())).rejects.toBeInstanceOf(NotThere);
});

test('an S3-compatible server refuses a wrong key, and what it refuses is an error', async () => {
  const storage = await s3Storage(await s3Server(), 'another secret');
  const draft = await draftIn(storage);
  await expect(storage.store(draft, PLACE, never())).rejects.toMatchObject({
    name: 'SignatureDoesNotMatch',
  });
});

test('an S3-compatible server that is away is an error, in time', async () => {
  const storage = await s3Storage('http://127.0.0.1:1');
  const draft = await draftIn(storage);
  await expect(storage.store(draft, PLACE, never())).rejects.toThrow();
  await expect(storage.read(PLACE, undefined, never())).rejects.not.toBeInstanceOf(NotThere);
});
