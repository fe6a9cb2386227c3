import { readFileSync, writeFileSync } from 'node:fs';
import { renderEnvExample, SETTINGS_PAGE, withSettingsTable } from '../src/config/settings-docs.ts';

const file = (name: string): URL => new URL(`../${name}`, import.meta.url);

/** `npm run docs:settings`: what is written about settings, from their one schema. */
writeFileSync(file('.env.example'), renderEnvExample());
writeFileSync(file(SETTINGS_PAGE), withSettingsTable(readFileSync(file(SETTINGS_PAGE), 'utf8')));
