import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ASSUMPTIONS_PAGE, assumptionsPage, findAssumptions } from './assumption-table.ts';

/** `npm run docs:assumptions`: the page that lists what the code assumes. */
const page = new URL(`../${ASSUMPTIONS_PAGE}`, import.meta.url);
const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
writeFileSync(page, assumptionsPage(findAssumptions(), before));
