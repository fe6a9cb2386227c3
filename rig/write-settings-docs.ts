import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { renderEnvExample, withSettingsTable } from '../src/config/settings-docs.ts';

const file = (name: string): URL => new URL(`../${name}`, import.meta.url);

/** `npm run docs:settings`: what is written about settings, from their one schema. */
writeFileSync(file('.env.example'), renderEnvExample());
if (existsSync(file('README.md'))) {
  writeFileSync(file('README.md'), withSettingsTable(readFileSync(file('README.md'), 'utf8')));
}
