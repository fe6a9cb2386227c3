import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { bearer, KEYS, setup } from './setup.ts';

test('a key of the file is taken at once, and refused within seconds of its removal; others stay', async () => {
  const path = join(await temporaryFolder(), 'tenants.json');
  const write = (keys: readonly string[]) =>
    writeFile(path, JSON.stringify([{ tenant: 'shop', keys }]));
  await write(['key-in-the-file-0001']);
  const { call } = await setup({ TENANTS_FILE: path, API_KEYS: `rival:${KEYS.rival}` });
  const statusOf = async (headers: Readonly<Record<string, string>>) =>
    (await call('/v1/models', { headers })).status;
  const inFile = { authorization: 'Bearer key-in-the-file-0001' };
  expect(await statusOf(inFile)).toBe(200);
  await write([]);
  await until('it is refused', async () => (await statusOf(inFile)) === 401, 10_000);
  expect(await statusOf(bearer('rival'))).toBe(200);
  expect(await statusOf(bearer('shop'))).toBe(401);
}, 30_000);
