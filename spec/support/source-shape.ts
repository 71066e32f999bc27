import { parseSync } from 'oxc-parser';
import type { Source } from './sources.ts';

/** A node of the ESTree, as far as these rules look at it. */
interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

/** A name that a file exports by its own declaration. */
export interface ExportedName {
  name: string;
  line: number;
  /** Whether a doc comment stands right before the declaration. */
  hasDoc: boolean;
}

/** A function and the number of lines of its own body: inner functions are counted for themselves. */
export interface FunctionLength {
  name: string;
  line: number;
  lines: number;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** The names that a file declares and exports. */
export function exportedNames({ path, text }: Source): ExportedName[] {
  const { program, comments } = parseSync(path, text);
  const docs = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'));
  return (program.body as unknown as Node[]).flatMap((node) => {
    const declaration = node['declaration'] as Node | null | undefined;
    if (node.type !== 'ExportNamedDeclaration' || !declaration) return [];
    const hasDoc = docs.some(({ end }) => end <= node.start && text.slice(end, node.start).trim() === '');
    const line = lineOf(text, node.start);
    return namesOf(declaration).map((name) => ({ name, line, hasDoc }));
  });
}

/** Every function of a file with its length. */
export function functionLengths({ path, text }: Source): FunctionLength[] {
  const found: FunctionLength[] = [];
  /** Visits a node; returns the lines of the functions in it. */
  const visit = (node: Node, name: string): number => {
    const own = nameOf(node) ?? name;
    let inner = 0;
    for (const child of childrenOf(node)) inner += visit(child, own);
    if (!FUNCTIONS.has(node.type)) return inner;
    const all = lineOf(text, node.end) - lineOf(text, node.start) + 1;
    found.push({ name: own, line: lineOf(text, node.start), lines: all - inner });
    return all > 1 ? all : 0; // a function on the line of its caller takes no line away
  };
  visit(parseSync(path, text).program as unknown as Node, '');
  return found;
}

function namesOf(declaration: Node): string[] {
  if (declaration.type !== 'VariableDeclaration') return [nameOf(declaration) ?? ''];
  return (declaration['declarations'] as Node[]).map((one) => (one['id'] as { name: string }).name);
}

function nameOf(node: Node): string | undefined {
  const named = (node['id'] ?? node['key']) as { name?: unknown } | null | undefined;
  return typeof named?.name === 'string' ? named.name : undefined;
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) =>
    (Array.isArray(value) ? value : [value]).filter(
      (child): child is Node => typeof child === 'object' && child !== null && 'type' in child,
    ),
  );
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
