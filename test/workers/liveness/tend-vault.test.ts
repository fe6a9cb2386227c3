import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { newGenerationId } from '../../../src/generation/ids.ts';
import type { VaultJob } from '../../../src/generation/jobs.ts';
import type { InKeptState } from '../../../src/generation/kept-result.ts';
import { createKeptLedger } from '../../../src/store/kept-ledger.ts';
import { createFolderStorage } from '../../../src/vault/folder-storage.ts';
import { placeOf } from '../../../src/vault/places.ts';
import { tendVault } from '../../../src/workers/liveness/tend-vault.ts';
import { connectTestRedis } from '../../support/redis.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const NOW = 1_800_000_000_000;
const DAY_MS = 24 * 3_600_000;
const pending: InKeptState<'pending'> = { state: 'pending', url: 'x', since: NOW, tryUntil: NOW };

async function setup() {
  const { close, ...parts } = connectTestRedis();
  onTestFinished(close);
  const folder = await temporaryFolder();
  const storage = createFolderStorage(folder);
  const ledger = createKeptLedger(parts);
  await mkdir(storage.draftsFolder, { recursive: true });
  const added: Omit<VaultJob, 'v'>[] = [];
  const enter = async (retentionEndsAt: number) => {
    const id = newGenerationId(NOW);
    const results = new Map([[0, pending]]);
    await ledger.enter({ id, tenant: 'shop', until: retentionEndsAt, waits: false, results });
    const path = join(storage.draftsFolder, 'a');
    await writeFile(path, 'a picture');
    const draft = { path, sha256: 'abc', bytes: 9, contentType: 'image/png' };
    await storage.store(draft, placeOf({ id, index: 0 }, 'abc'), new AbortController().signal);
    return id;
  };
  const start = () => {
    const vault = { ledger, storage } as Parameters<typeof tendVault>[0]['vault']; // what it uses
    const enqueueOwed = async (owed: readonly Omit<VaultJob, 'v'>[]) => void added.push(...owed);
    const log = pino({ level: 'silent' });
    onTestFinished(tendVault({ vault, enqueueOwed, now: () => NOW, log }).stop);
  };
  const files = async () => (await readdir(join(folder, 'results'), { recursive: true })).join();
  return { ledger, storage, added, enter, start, files };
}

test('results past their retention are removed, and nothing is known of them; others stay', async () => {
  const { ledger, enter, start, files } = await setup();
  const [old, young] = [await enter(NOW), await enter(NOW + 1)];
  start();
  await until('the old one is forgotten', async () => !(await ledger.read(old)));
  expect(await files()).not.toContain(old);
  expect(await files()).toContain(young);
  expect(await ledger.read(young)).toBeDefined();
});

test('what is owed gets its job again', async () => {
  const { added, enter, start } = await setup();
  const id = await enter(NOW + DAY_MS);
  start();
  await until('a job is added', () => added[0]);
  expect(added).toMatchObject([{ id, index: 0, tryUntil: NOW }]);
});

test('drafts that a crash left are removed a day later', async () => {
  const { storage, start } = await setup();
  const at = (name: string) => join(storage.draftsFolder, name);
  for (const name of ['old.draft', 'young.draft', 'notes.txt']) await writeFile(at(name), 'x');
  for (const name of ['old.draft', 'notes.txt']) await utimes(at(name), 1, NOW / 1_000 - 86_401);
  await utimes(at('young.draft'), 1, NOW / 1_000);
  start();
  await until(
    'the old one is gone',
    async () => (await readdir(storage.draftsFolder)).length === 2,
  );
  expect((await readdir(storage.draftsFolder)).sort()).toEqual(['notes.txt', 'young.draft']);
});
