import { findNodeAtLocation, parse, parseTree, type Node, type ParseError } from 'jsonc-parser';
import type { Document, Node as YamlNode } from 'yaml';

/** JSON without comments and without a comma at the end, as `JSON.parse` reads it. */
const asWritten = { disallowComments: true, allowTrailingComma: false };
/** The place of a fault in a longer YAML text is not looked up: the page would stand still. */
const YAML_MAX_CHARS = 500_000;

/** A part of a text. */
export interface TextPlace {
  /** From 1. */
  line: number;
  /** The first character, and the one behind the last, in UTF-16 units: as a text field selects. */
  from: number;
  to: number;
}

/** The place of a JSON pointer in a JSON text, or of the part around one that is missing; undefined for another text. */
export function placeInText(text: string, pointer: string): TextPlace | undefined {
  let node = treeOf(text);
  if (!node) return undefined;
  for (const part of partsOf(pointer)) {
    const member = findNodeAtLocation(node, [node.type === 'array' ? Number(part) : part]);
    if (!member) break;
    node = member;
  }
  const { offset, length } = node.parent?.type === 'property' ? node.parent : node;
  return placeAt(text, offset, offset + length);
}

/** The same in a YAML text. The package that reads YAML is loaded with the first fault in one. */
export async function placeInYaml(text: string, pointer: string): Promise<TextPlace | undefined> {
  if (text.length > YAML_MAX_CHARS) return undefined;
  const yaml = await import('yaml');
  const document = yamlOf(yaml, text);
  let node: unknown = document.contents;
  if (document.errors.length > 0 || !yaml.isNode(node)) return undefined;
  let [from, to] = node.range!;
  for (const part of partsOf(pointer)) {
    const [key, value] = memberOf(yaml, document, node, part);
    const first = key ?? value;
    if (!first?.range) break;
    [from, to] = [first.range[0], (value ?? first).range?.[1] ?? first.range[1]];
    node = value;
  }
  return placeAt(text, from, from + text.slice(from, to).trimEnd().length);
}

/** The line of the first fault in the syntax of a JSON text; undefined where there is none. */
export function faultyLine(text: string): number | undefined {
  const faults: ParseError[] = [];
  parse(text, faults, asWritten);
  return faults[0] && lineAt(text, faults[0].offset);
}

/** The parts of a JSON pointer [RFC 6901 4]. */
function partsOf(pointer: string): string[] {
  const parts = pointer.split('/').slice(1);
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The key and the value of a member of a map, or an item of a list without a key. */
function memberOf(
  yaml: typeof import('yaml'),
  document: Document,
  node: unknown,
  part: string,
): [key?: YamlNode | undefined, value?: YamlNode | undefined] {
  // A part of an alias is found in its anchor.
  const place = yaml.isAlias(node) ? node.resolve(document) : node;
  const nodeOf = (value: unknown) => (yaml.isNode(value) ? value : undefined);
  if (yaml.isSeq(place)) return [undefined, nodeOf(place.items[Number(part)])];
  if (!yaml.isMap(place)) return [];
  const pair = place.items.find(({ key }) => yaml.isScalar(key) && String(key.value) === part);
  return [nodeOf(pair?.key), nodeOf(pair?.value)];
}

/** The document that was read last. A hundred faults in one text ask for it a hundred times. */
let lastYaml: { text: string; document: Document } | undefined;

function yamlOf(yaml: typeof import('yaml'), text: string): Document {
  if (lastYaml?.text !== text)
    lastYaml = { text, document: yaml.parseDocument(text, { logLevel: 'silent' }) };
  return lastYaml.document;
}

/** The tree that was read last, as for YAML. */
let lastTree: { text: string; root: Node | undefined } | undefined;

function treeOf(text: string): Node | undefined {
  if (lastTree?.text === text) return lastTree.root;
  const faults: ParseError[] = [];
  const root = parseTree(text, faults, asWritten);
  lastTree = { text, root: faults.length === 0 ? root : undefined };
  return lastTree.root;
}

function placeAt(text: string, from: number, to: number): TextPlace {
  return { line: lineAt(text, from), from, to };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
