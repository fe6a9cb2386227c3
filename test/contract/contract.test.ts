import { expect, test } from 'vitest';
import { PROVIDER_FACTORIES } from '../../src/providers/registry.ts';
import { loadFixtures } from './fixtures.ts';
import { providerContract, RULES } from './provider.contract.ts';

const fixtures = await loadFixtures();

test('every provider in the registry has a fixture, so that none goes unproved', () => {
  const proved = new Set(fixtures.map(({ name }) => name));
  const missing = [...PROVIDER_FACTORIES.keys()].filter((name) => !proved.has(name));
  expect(missing, `providers without a fixture: ${missing.join(', ')}`).toEqual([]);
});

test('every rule has a title of its own', () => {
  const titles = RULES.map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});

test('at least 40 rules apply to every provider', () => {
  for (const fixture of fixtures) {
    const applied = RULES.filter(({ unless }) => !unless?.(fixture));
    expect(applied.length, fixture.name).toBeGreaterThanOrEqual(40);
  }
});

for (const fixture of fixtures) providerContract(fixture);
