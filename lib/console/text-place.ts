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
  const root = treeOf(text);
  if (!root) return undefined;
  const path = pathOf(pointer);
  for (let length = path.length; length > 0; length -= 1) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node) return placeOf(text, node.parent?.type === 'property' ? node.parent : node);
  }
  return placeOf(text, root);
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

function pathOf(pointer: string): (string | number)[] {
  const names = pointer.split('/').slice(1);
  return names.map((name) =>
    /^\d+$/.test(name) ? Number(name) : name.replaceAll('~1', '/').replaceAll('~0', '~'),
  );
}

function placeOf(text: string, { offset, length }: Node): TextPlace {
  return { line: lineAt(text, offset), from: offset, to: offset + length };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
