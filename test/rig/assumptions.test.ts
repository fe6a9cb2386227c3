import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  ASSUMPTIONS_PAGE,
  assumptionsIn,
  assumptionsPage,
  findAssumptions,
  rowsOf,
} from '../../rig/assumption-table.ts';

const page = readFileSync(new URL(`../../${ASSUMPTIONS_PAGE}`, import.meta.url), 'utf8');

test('docs/assumptions.md lists every assumption of the code, and no other: npm run docs:assumptions', () => {
  expect(page).toBe(assumptionsPage(findAssumptions(), page));
});

test('each has one of three states', () => {
  const states = rowsOf(page).map(({ state }) => state);
  expect(states.length).toBeGreaterThan(20);
  const known = /^(?:unproven|(?:proven|refuted) by record of \d{4}-\d\d-\d\d)$/;
  expect(states.filter((state) => !known.test(state))).toEqual([]);
});

test('every way to mark an assumption is read, and what follows is not', () => {
  expect(
    assumptionsIn(`
      /** ASSUMPTION: links live an hour; no document says. Another fact. */
      const a = 1; // ASSUMPTION: v1.6 stays
      /**
       * Facts come first. ASSUMPTION, for all of them: the names
       * are these. ASSUMPTION: a second.
       */
      // There is none (ASSUMPTION: of these). More.
      // Every field name and
      // word: those are ASSUMPTIONs throughout. More.
      const b = 'ASSUMPTION: no comment';
    `),
  ).toEqual([
    'links live an hour; no document says',
    'v1.6 stays',
    'Facts come first: for all of them: the names are these',
    'a second',
    'There is none: of these',
    'Every field name and word: those are assumed throughout',
  ]);
});

test('a state that somebody wrote stays; one whose assumption has changed goes', () => {
  const [one, other] = ['a is `x|y`', 'b'].map((text) => ({ file: 'src/x.ts', text }));
  if (!one || !other) throw new Error('two assumptions');
  const proven = assumptionsPage([one, other], '').replace(
    'unproven |',
    'proven by record of 2026-11-22 |',
  );
  expect(assumptionsPage([one, other], proven)).toBe(proven);
  expect(rowsOf(assumptionsPage([{ ...one, text: 'c' }], proven))).toEqual([
    { file: 'src/x.ts', text: 'c', state: 'unproven' },
  ]);
});
