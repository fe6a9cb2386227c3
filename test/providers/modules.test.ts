import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadFactories, ProviderModule } from '../../src/providers/modules.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function moduleFile(text: string): Promise<string> {
  const path = join(await temporaryFolder(), 'mine.mjs');
  await writeFile(path, text);
  return path;
}

test('a module that is named adds its provider to the built-in ones', async () => {
  const path = await moduleFile("export default { name: 'mine', create: () => ({}) };");
  const factories = await loadFactories(` ${path} ,`);
  expect([...factories.keys()]).toEqual(expect.arrayContaining(['fashn', 'mine']));
});

test('a module that cannot be loaded is named together with the real cause', async () => {
  const path = await moduleFile("throw new Error('no licence\\nsecond line');");
  await expect(loadFactories(path)).rejects.toThrow(/mine\.mjs cannot be loaded: no licence$/);
  await expect(loadFactories('catwalk-no-such-package')).rejects.toThrow(
    /PROVIDER_MODULES: catwalk-no-such-package cannot be loaded: .*catwalk-no-such-package/,
  );
});

test.each([
  ['export const name = 1;', 'default'],
  ["export default { name: 'Mine', create() {} };", 'default.name'],
  ["export default { name: 'mine', create: 1 };", 'default.create'],
])('a module that exports no provider is told which part is wrong: %s', async (text, part) => {
  const path = await moduleFile(text);
  await expect(loadFactories(path)).rejects.toThrow(
    new RegExp(`does not export a provider \\{ name, create \\}: ${part}: `),
  );
});

test('a provider’s name fits URLs, queues and variables', () => {
  const accepts = (name: string) => ProviderModule.safeParse({ name, create() {} }).success;
  for (const name of ['a', 'acme-2', 'a'.repeat(40)]) expect(accepts(name)).toBe(true);
  for (const name of ['', '2a', 'Acme', 'a:b', 'a_b', 'a'.repeat(41)]) {
    expect(accepts(name)).toBe(false);
  }
});
