import { createHash } from 'node:crypto';
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/config/log.ts';
import { readSettings } from '../../src/config/settings.ts';
import { openTenants } from '../../src/config/tenants.ts';
import { keyDigest } from '../../src/config/tenants-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const KEY = 'key-of-the-shop-0001';
const SECOND = 'key-of-the-shop-0002';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A file with this in it, and the settings that name it. */
async function setup(contents: unknown, env: Readonly<Record<string, string>> = {}) {
  const path = join(await temporaryFolder(), 'tenants.json');
  const write = (value: unknown): Promise<void> =>
    writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
  if (contents !== undefined) await write(contents);
  const lines: Record<string, unknown>[] = [];
  const log = createLogger('info', [], { write: (line) => lines.push(JSON.parse(line)) });
  const open = () => {
    const settings = readSettings({ TENANTS_FILE: path, ...env });
    const tenants = openTenants({ settings, providers: new Map([['fashn', {}]]), log });
    onTestFinished(tenants.stop);
    return tenants;
  };
  return { path, write, lines, open };
}

test('a key is plain or a digest, and stands beside those of the settings', async () => {
  const { open } = await setup(
    [{ tenant: 'shop', keys: [KEY, `sha256:${sha256(SECOND).toUpperCase()}`] }],
    { API_KEYS: 'shop:key-of-the-shop-0003,rival:key-of-the-rival-0004' },
  );
  const { tenantOfKey } = open();
  const keys = [KEY, SECOND, 'key-of-the-shop-0003', 'key-of-the-rival-0004', 'nobody'];
  expect(keys.map((key) => tenantOfKey(keyDigest(key)))).toEqual([
    ...['shop', 'shop', 'shop', 'rival'],
    undefined,
  ]);
  expect(keyDigest(KEY)).toBe(sha256(KEY));
  expect(tenantOfKey(keyDigest(`sha256:${sha256(SECOND)}`))).toBeUndefined();
});

test('limits are those of everybody, but for what is said of a tenant', async () => {
  const limits = {
    requestsPerSecond: 2.5,
    mostWaiting: 10,
    weight: 3,
    providers: { fashn: { mostWaiting: 5, mostInFlight: 2, floor: 1, ceiling: 4 } },
  };
  const { open } = await setup([{ tenant: 'shop', limits }], { TENANT_MOST_IN_FLIGHT: '77' });
  const { limitsOf } = open();
  expect(limitsOf('shop')).toEqual({ ...limits, burst: 5, mostInFlight: 77 });
  expect(limitsOf('whoever')).toEqual({
    requestsPerSecond: 1_000,
    burst: 2_000,
    mostWaiting: 50_000,
    mostInFlight: 77,
    weight: 1,
    providers: {},
  });
});

const shop = (more: object) => [{ tenant: 'shop', ...more }];
test.each([
  ['{"tenants', 'TENANTS_FILE: must be JSON'],
  [{ tenant: 'shop' }, 'TENANTS_FILE: must be a list'],
  [[{ tenant: 'a b' }], 'TENANTS_FILE: 0.tenant: takes 1-64 letters'],
  [shop({ keys: ['short'] }), 'TENANTS_FILE: 0.keys.0: must have at least 16 characters'],
  [shop({ keys: ['change-me-to-a-long-random-key'] }), '0.keys.0: is the example’s'],
  [shop({ keys: ['sha256:0123456789abcdef'] }), '0.keys.0: takes 64 hex digits'],
  [shop({ limits: { burst: 0 } }), '0.limits.burst: must be at least 1'],
  [shop({ limits: { mostWating: 5 } }), 'mostWating'],
  [
    shop({ limits: { providers: { fashn: { floor: 3, ceiling: 2 } } } }),
    '0.limits.providers.fashn.floor: must not be more than ceiling',
  ],
  [[...shop({}), ...shop({})], '1.tenant: comes a second time'],
  [
    [...shop({ keys: [KEY] }), { tenant: 'rival', keys: [`sha256:${sha256(KEY)}`] }],
    '1.keys.0: is tenant "shop"’s key',
  ],
  [undefined, 'TENANTS_FILE: cannot be read (ENOENT)'],
])('what cannot be understood stops the start, and says where: %j', async (contents, says) => {
  const { open } = await setup(contents);
  expect(open).toThrow(says);
});

test('no error holds a key', async () => {
  const { open } = await setup(`[{"tenant":"shop","keys":["${KEY}"]} ${KEY}`);
  expect(open).toThrow(expect.objectContaining({ message: expect.not.stringContaining(KEY) }));
});

test('a change is heard of within seconds: written over, renamed into place, or by another link', async () => {
  const { path, write, open } = await setup([{ tenant: 'shop', keys: [KEY] }]);
  const tenants = open();
  let changes = 0;
  const end = tenants.onChange(() => {
    changes += 1;
  });
  const untilTenant = (tenant: string | undefined, key: string) =>
    until(`${key} is ${tenant}'s`, () => tenants.tenantOfKey(keyDigest(key)) === tenant, 10_000);

  await write([{ tenant: 'shop', keys: [SECOND] }]);
  await untilTenant('shop', SECOND);
  await untilTenant(undefined, KEY);
  expect(changes).toBeGreaterThan(0);

  const beside = `${path}.new`;
  await writeFile(beside, JSON.stringify([{ tenant: 'other', keys: [SECOND] }]));
  await rename(beside, path);
  await untilTenant('other', SECOND);

  await writeFile(beside, JSON.stringify([{ tenant: 'third', keys: [SECOND] }]));
  await rm(path);
  await symlink(beside, path);
  end();
  const before = changes;
  await untilTenant('third', SECOND);
  expect(changes).toBe(before);
}, 40_000);

test('what cannot be understood later changes nothing, is said, and is read when it is mended', async () => {
  const { write, lines, open } = await setup([{ tenant: 'shop', keys: [KEY] }]);
  const tenants = open();
  await write('[{"tenant":"sh');
  const said = () => lines.find(({ msg }) => String(msg).includes('tenants not read again'));
  await until('it is said', said, 10_000);
  expect(said()).toMatchObject({
    level: 50,
    err: { message: expect.stringContaining('TENANTS_FILE: must be JSON') },
  });
  expect(tenants.tenantOfKey(keyDigest(KEY))).toBe('shop');
  await write([{ tenant: 'shop', keys: [SECOND] }]);
  await until('it is mended', () => tenants.tenantOfKey(keyDigest(SECOND)) === 'shop', 10_000);
}, 30_000);

test('limits of a provider that is not on here are named in the log', async () => {
  const providers = { fashn: { mostWaiting: 1 }, fahsn: { mostWaiting: 1 } };
  const { lines, open } = await setup([{ tenant: 'shop', limits: { providers } }]);
  open();
  expect(lines).toMatchObject([{ level: 40, providers: ['fahsn'] }]);
});
