import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAst } from 'vitest/node';

/*
 * docs/simulator.md says which calls of each official client work. A suite here, which is a folder
 * `<client>/` or a file `<client>.test.ts`, has a section of that name there (`## FASHN` for `fashn`;
 * case and spaces do not count), and in it a table whose first column holds the titles of the
 * suite's tests, word for word, and whose second begins with `passes` or `not supported`. What
 * `requests.test.ts` holds is Catwalk's, and not about calls.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HERE = `${ROOT}test/clients`;
const SUITES = new Map(
  readdirSync(HERE, { withFileTypes: true }).flatMap((entry): [string, string[]][] => {
    if (entry.isDirectory()) return [[entry.name, filesOf(`${HERE}/${entry.name}`)]];
    const [, name] = /^(.*)\.test\.ts$/.exec(entry.name) ?? [];
    return name === undefined || name === 'table' ? [] : [[name, [`${HERE}/${entry.name}`]]];
  }),
);

function filesOf(folder: string): string[] {
  const tests = readdirSync(folder).filter((file) => file.endsWith('.test.ts'));
  return tests.filter((file) => file !== 'requests.test.ts').map((file) => `${folder}/${file}`);
}

type Node = { readonly type: string } & Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** Every node of the syntax tree. */
function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item);
  if (!isNode(value)) return;
  yield value;
  for (const inner of Object.values(value)) yield* walk(inner);
}

/** Whether a call is of `test`, `test.each(…)`, `test.each<…>(…)` and the like. */
function isTest(callee: unknown): boolean {
  if (!isNode(callee)) return false;
  if (callee.type === 'Identifier') return callee['name'] === 'test';
  return isTest(callee['callee'] ?? callee['object']);
}

/** The titles of the tests in a source, with `…` for what each run of a test fills in. */
function titlesIn(source: string): string[] {
  const calls = [...walk(parseAst(source, { lang: 'ts' }))].filter(
    (node) => node.type === 'CallExpression' && isTest(node['callee']),
  );
  return calls.flatMap((call) => {
    const [first]: unknown[] = Array.isArray(call['arguments']) ? call['arguments'] : [];
    const title = isNode(first) ? first['value'] : undefined;
    return typeof title === 'string' ? [title.replaceAll(/%[sdifjo#]|\$\w+/g, '…')] : [];
  });
}

interface Row {
  readonly title: string;
  readonly answer: string;
}

/** Section → the rows of its tables that are about calls. */
function rowsIn(page: string): Map<string, Row[]> {
  const sections = page.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const rows = lines.flatMap((line) => {
        const [, title = '', answer = ''] = line.split('|').map((cell) => cell.trim());
        const isCall = /^(passes|not supported)/.test(answer);
        return isCall ? [{ title: title.replaceAll('`', ''), answer }] : [];
      });
      return [heading.toLowerCase().replaceAll(/\s/g, ''), rows];
    }),
  );
}

const titlesOf = (files: readonly string[]) => [
  ...new Set(files.flatMap((file) => titlesIn(readFileSync(file, 'utf8')))),
];
const ROWS = rowsIn(readFileSync(`${ROOT}docs/simulator.md`, 'utf8'));

describe.each([...SUITES])('the calls of %s', (suite, files) => {
  test('are the same in docs/simulator.md as in the suite, one row for each test', () => {
    const titles = (ROWS.get(suite) ?? []).map(({ title }) => title);
    expect([...titles].sort()).toEqual(titlesOf(files).sort());
  });

  test('are called not supported in docs/simulator.md when that is what their test says', () => {
    const differing = (ROWS.get(suite) ?? []).filter(
      ({ title, answer }) => title.includes('not supported') !== answer.startsWith('not supported'),
    );
    expect(differing).toEqual([]);
  });
});

test('these rules see every way to write a test, and only rows about calls', () => {
  const source = `
    test('run works', () => {});
    describe('inside', () => { test.each([1])('run takes %s, and %i', () => {}); });
    test.each<[a: string]>([['b']])("run's $kind", async () => {});
    test.skipIf(true)('run is skipped', () => {});
    it('is another word', () => {});
    const text = "test('in a text')"; // test('in a comment')`;
  const titles = ['run works', 'run takes …, and …', "run's …", 'run is skipped'];
  expect(titlesIn(source)).toEqual(titles);
  const page =
    '# A\n## A Client\n| call | answer |\n|---|---|\n| `run` works | passes |\n| b | c |\n';
  expect(rowsIn(page)).toEqual(new Map([['aclient', [{ title: 'run works', answer: 'passes' }]]]));
});
