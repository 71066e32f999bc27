import { findNodeAtLocation, parse, parseTree, type Node, type ParseError } from 'jsonc-parser';

const asWritten = { disallowComments: true, allowTrailingComma: false };

/** A part of a text. */
export interface TextPlace {
  /** From 1. */
  line: number;
  from: number;
  to: number;
}

/** The place of a JSON pointer in a JSON text, or of the part around one that is missing; undefined for another text. */
export function placeInText(text: string, pointer: string): TextPlace | undefined {
  let node = treeOf(text);
  if (!node) return undefined;
  for (const escaped of pointer.split('/').slice(1)) {
    const part = escaped.replaceAll('~1', '/').replaceAll('~0', '~'); // [RFC 6901 4]
    const member = findNodeAtLocation(node, [node.type === 'array' ? Number(part) : part]);
    if (!member) break;
    node = member;
  }
  return placeOf(text, node.parent?.type === 'property' ? node.parent : node);
}

/** The line of the first fault in the syntax of a JSON text; undefined where there is none. */
export function faultyLine(text: string): number | undefined {
  const faults: ParseError[] = [];
  parse(text, faults, asWritten);
  return faults[0] && lineAt(text, faults[0].offset);
}

function treeOf(text: string): Node | undefined {
  const faults: ParseError[] = [];
  const root = parseTree(text, faults, asWritten);
  return faults.length === 0 ? root : undefined;
}

function placeOf(text: string, { offset, length }: Node): TextPlace {
  return { line: lineAt(text, offset), from: offset, to: offset + length };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
