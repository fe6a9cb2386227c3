import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { simulatedAccounts } from '../rig/simulated-accounts.ts';
import { readSettings } from '../src/config/settings.ts';
import { connectProviders } from '../src/providers/connect.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

test.each(PAGES)('every file that %s links to is there', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link ?? '');
  const files = links.filter((link) => !/^https?:/.test(link));
  const missing = files.filter((file) => !existsSync(join(ROOT, dirname(page), file)));
  expect(missing).toEqual([]);
});

test.each(PAGES)('every npm script that %s names is one', (page) => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(read('package.json')));
  const named = [...read(page).matchAll(/npm run (?:--silent )?([a-z][\w:]*)/g)].map(
    ([, name]) => name ?? '',
  );
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test('what the README says that every model which dresses a person takes is what each takes', () => {
  const nowhere = 'http://127.0.0.1:1';
  const { providers } = connectProviders(readSettings(simulatedAccounts(nowhere).env(nowhere)));
  const models = [...providers].flatMap(([provider, { models }]) =>
    Object.values(models).map(({ about, input }) => ({ provider, about, input })),
  );
  const dressing = models.filter(({ about }) => /\bDresses a person\b/.test(about));
  const picture = 'https://images.example.com/a.png';
  const leastInput = { personImage: picture, garmentImages: [picture] };
  const more = dressing.flatMap(({ provider, input }) => {
    const schema = z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' });
    expect(schema.required?.slice().sort(), provider).toEqual(['garmentImages', 'personImage']);
    const wrong = input.safeParse(leastInput).error?.issues ?? [];
    return wrong.map(({ path }) => `\`${provider}\` also needs \`${path.join('.')}\``);
  });
  const others = models.filter((model) => !dressing.includes(model));
  for (const { input } of others) expect(input.safeParse(leastInput).success).toBe(false);
  expect(dressing.length).toBeGreaterThan(8);
  expect(read('README.md').match(/`[\w-]+` also needs `\w+`/g)).toEqual(more);

  const types = ['upper', 'lower', 'full_set'];
  expect(read('README.md')).toContain('`clothType` (`upper`, `lower` or `full_set`)');
  const fitroom = providers.get('fitroom')?.models['tryon']?.input;
  for (const clothType of types) {
    expect(fitroom?.safeParse({ ...leastInput, clothType }).success, clothType).toBe(true);
  }
});
