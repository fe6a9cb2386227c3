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

export function parseSource(path: string, text: string): SourceFile {
  const nodes = [...walk(parseAst(text, { lang: 'ts' }, path))];
  return {
    path,
    imports: nodes.flatMap(importOf),
    impureGlobals: [...new Set(nodes.flatMap(impurityOf))],
    readsEnvironment: nodes.some(readsEnvironment),
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
  };
}

/** The file that an import names, from where `file` is named from; undefined for a package. */
export function targetOf(file: string, imported: string): string | undefined {
  return imported.startsWith('.') ? normalize(join(dirname(file), imported)) : undefined;
}
