import { expect, test } from 'vitest';
import { DIALECTS } from '../../simulator/index.ts';
import { loadFixtures } from './fixtures.ts';
import { simulatorContract } from './simulator.contract.ts';

const fixtures = await loadFixtures();

test('every provider that the simulator speaks has a fixture', () => {
  const proved = new Set(fixtures.map(({ name }) => name));
  const missing = DIALECTS.map(({ name }) => name).filter((name) => !proved.has(name));
  expect(missing, `dialects without a fixture: ${missing.join(', ')}`).toEqual([]);
});

for (const fixture of fixtures) {
  if (DIALECTS.some(({ name }) => name === fixture.name)) simulatorContract(fixture);
}
