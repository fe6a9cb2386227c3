import { readdirSync } from 'node:fs';
import type { Fixture } from './fixture.ts';

/** The fixture of every provider that has one: each file in `fixtures` exports one. */
export async function loadFixtures(): Promise<readonly Fixture[]> {
  const names = readdirSync(new URL('./fixtures/', import.meta.url))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3));
  const modules = await Promise.all(names.sort().map((name) => import(`./fixtures/${name}.ts`)));
  return modules.flatMap((module: { fixture?: Fixture }) => module.fixture ?? []);
}
