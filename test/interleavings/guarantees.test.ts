import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const SOURCES = readdirSync(new URL('test', ROOT), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(`${fileURLToPath(ROOT)}test/${path}`, 'utf8'))
  .join('\n');

/** Each line of the tables: its id, and the titles in its last column. */
const LINES = readFileSync(new URL('docs/guarantees.md', ROOT), 'utf8')
  .split('\n')
  .filter((line) => /^\| G\d+ /.test(line))
  .map((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const titles = [...(cells.at(-2) ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    return { id: cells[1] ?? '', titles };
  });

test('the guarantees are numbered from G1 without a gap', () => {
  expect(LINES.length).toBeGreaterThan(30);
  expect(LINES.map(({ id }) => id)).toEqual(LINES.map((_, index) => `G${index + 1}`));
});

test.each(LINES)(
  'every test that $id names exists in the test sources, word for word',
  ({ titles }) => {
    expect(titles).not.toEqual([]);
    // As a literal of its own, so that part of another title does not pass.
    const quoted = (title: string) => ["'", '"'].some((q) => SOURCES.includes(q + title + q));
    expect(titles.filter((title) => !quoted(title))).toEqual([]);
  },
);
