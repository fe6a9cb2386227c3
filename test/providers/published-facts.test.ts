import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { simulatedAccounts } from '../../rig/simulated-accounts.ts';
import { readSettings } from '../../src/config/settings.ts';
import { connectProviders } from '../../src/providers/connect.ts';

const NOWHERE = 'http://127.0.0.1:1';
const page = readFileSync(new URL('../../docs/published-facts.md', import.meta.url), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| `([\w-]+)` \| (.+) \| (.+) \| (.+) \|$/gm)].map(
    ([, name = '', limits = '', price = '', lifetime = '']) => [name, { limits, price, lifetime }],
  ),
);
const { providers } = connectProviders(readSettings(simulatedAccounts(NOWHERE).env(NOWHERE)));

test('docs/published-facts.md has every provider, and says of each number whose it is', () => {
  expect([...rows.keys()]).toEqual([...providers.keys()]);
  const cells = [...rows.values()].flatMap((row) => Object.values(row));
  expect(cells.filter((cell) => !/^(?:published|ours|not published)\b/.test(cell))).toEqual([]);
});

test.each([...providers])('%s: what is said to be unpublished is left out', (name, { models }) => {
  const row = rows.get(name);
  for (const { price, resultLifetimeMs } of Object.values(models)) {
    if (price !== undefined) expect(row?.price).toMatch(/^published/);
    if (resultLifetimeMs !== undefined) expect(row?.lifetime).toMatch(/^(?:published|ours)/);
  }
});
