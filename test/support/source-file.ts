import { dirname, join, normalize } from 'node:path/posix';
import { parseAst } from 'vitest/node';

/** What the rules about our folders look at. */
export interface SourceFile {
  /** From the folder that is looked at, with forward slashes: `generation/store.ts`. */
  readonly path: string;
  readonly imports: readonly string[];
  /** Those globals that do I/O, tell the time or draw lots. */
  readonly impureGlobals: readonly string[];
  readonly readsEnvironment: boolean;
  readonly lines: number;
  /** Every function of it, those inside others too. */
  readonly functions: readonly SourceFunction[];
}

interface SourceFunction {
  /** The one it is declared or kept under; that of what it lies in when it has none. */
  readonly name: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** From its first line to its last, with all that lies inside. */
  readonly lines: number;
}

const IMPURE_GLOBALS = [
  ...['fetch', 'process', 'console', 'WebSocket', 'performance', 'Date.now', 'Math.random'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
];

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

const isNamed = (node: unknown, name: string): boolean =>
  isNode(node) && (node['name'] === name || node['value'] === name);

/**
 * What a node imports: static, dynamic, re-exported, `import()` types and `import x = require()`.
 * A dynamic import of something computed cannot be checked, and is answered as its own kind.
 */
function importOf(node: Node): string[] {
  if (node.type === 'TSExternalModuleReference') return literal(node['expression']);
  if (node.type === 'ImportExpression' || node.type === 'TSImportType') {
    const found = literal(node['source']);
    return found.length > 0 ? found : ['(computed)'];
  }
  if (/^(Import|Export(Named|All))Declaration$/.test(node.type)) return literal(node['source']);
  return [];
}

function literal(node: unknown): string[] {
  return isNode(node) && typeof node['value'] === 'string' ? [node['value']] : [];
}

/** `process.env` in any spelling, or `env` and the whole of `node:process` imported. */
function readsEnvironment(node: Node): boolean {
  if (node.type === 'MemberExpression') {
    const { object, property } = node;
    const isProcess =
      isNamed(object, 'process') || (isNode(object) && isNamed(object['property'], 'process'));
    return isProcess && isNamed(property, 'env');
  }
  if (node.type === 'VariableDeclarator' && isNamed(node['init'], 'process')) {
    return [...walk(node['id'])].some((inner) => isNamed(inner['key'], 'env'));
  }
  return importOf(node).some((name) => name === 'node:process' || name === 'process');
}

/** The globals of `IMPURE_GLOBALS` that a node uses. */
function impurityOf(node: Node): string[] {
  const { object, property, name } = node;
  const written =
    node.type === 'MemberExpression' && isNode(object) && isNode(property)
      ? `${object['name']}.${property['name']}`
      : node.type === 'Identifier'
        ? String(name)
        : '';
  return IMPURE_GLOBALS.includes(written) ? [written] : [];
}

function functionsIn(root: unknown, text: string): SourceFunction[] {
  const lineAt = lineCounter(text);
  const found: SourceFunction[] = [];
  const visit = (value: unknown, outer: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, outer);
    if (!isNode(value)) return;
    const name = nameOf(value) ?? outer;
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(value.type)) {
      const line = lineAt(Number(value['start']));
      found.push({ name, line, lines: lineAt(Number(value['end']) - 1) - line + 1 });
    }
    for (const inner of Object.values(value)) visit(inner, name);
  };
  visit(root, '(unnamed)');
  return found;
}

/** What a declaration, a variable, a property or a method is called. */
function nameOf(node: Node): string | undefined {
  const called = node['id'] ?? node['key'];
  const name = isNode(called) ? (called['name'] ?? called['value']) : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** @returns the line of a position in `text`, counted from 1. */
function lineCounter(text: string): (position: number) => number {
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index);
  return (position) => {
    const next = ends.findIndex((end) => end >= position);
    return (next < 0 ? ends.length : next) + 1;
  };
}

export function parseSource(path: string, text: string): SourceFile {
  const root = parseAst(text, { lang: 'ts' }, path);
  const nodes = [...walk(root)];
  return {
    path,
    imports: nodes.flatMap(importOf),
    impureGlobals: [...new Set(nodes.flatMap(impurityOf))],
    readsEnvironment: nodes.some(readsEnvironment),
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    functions: functionsIn(root, text),
  };
}

/** The file that an import names, from where `file` is named from; undefined for a package. */
export function targetOf(file: string, imported: string): string | undefined {
  return imported.startsWith('.') ? normalize(join(dirname(file), imported)) : undefined;
}
