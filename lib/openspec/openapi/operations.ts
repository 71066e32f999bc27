import { isObject, type JsonObject } from '../../common/json.ts';
import { closestWord } from '../../common/closest-word.ts';
import { codedFault } from '../../common/coded-fault.ts';
import { SpecError } from '../../errors.ts';
import type { SpecDocument } from '../spec-document.ts';
import { objectAt } from '../read.ts';

/** One operation of a document, before its parameters are read. */
export interface FoundOperation {
  /** Upper case. */
  method: string;
  /** As the document writes it, also with a query or a fragment. */
  path: string;
  /** The path item: its parameters, servers and words hold for each of its operations. */
  item: JsonObject;
  /** The file in which the path item stands: its parameters are relative to it. */
  itemHome: JsonObject;
  node: JsonObject;
  /** The file in which the operation stands. It is another one when the operation is a `$ref` to a file. */
  home: JsonObject;
  /** The `$ref` of an operation that leads nowhere; `node` is empty then. */
  lost?: string;
}

/** In lower case; any case is read. */
const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query']);

/** The keys of a path item that are no operations [OpenAPI 3.2.0 4.9]. */
const ITEM_KEYS = new Set([
  '$ref',
  'summary',
  'description',
  'servers',
  'parameters',
  'additionalOperations',
]);

/** The operations whose method is misspelt, with the reason why they are none. */
export function misspeltOperations({ root }: SpecDocument): { operation: string; reason: string }[] {
  return Object.entries(objectAt(root, 'paths') ?? {}).flatMap(([path, item]) => {
    const entries = isObject(item) ? Object.entries(item) : [];
    return entries.flatMap(([key, value]) => {
      const isKnown = METHODS.has(key.toLowerCase()) || ITEM_KEYS.has(key) || key.startsWith('x-');
      const meant = isKnown || !isObject(value) ? undefined : closestWord(key, [...METHODS]);
      if (meant === undefined) return [];
      return [
        { operation: `${key} ${path}`, reason: `"${key}" is no HTTP method; did you mean "${meant}"?` },
      ];
    });
  });
}

/** Every operation of every path, in the document's order. A path that leads nowhere becomes a warning. */
export function* operationsOf(document: SpecDocument, warnings: string[]): Generator<FoundOperation> {
  const paths = document.object(document.root['paths'], document.root);
  if (paths === undefined) return;
  for (const [path, value] of Object.entries(paths.node)) {
    if (path.startsWith('x-')) continue;
    const target = document.object(value, paths.home);
    if (target === undefined) {
      if (value !== null) warnings.push(`The path ${path} leads nowhere; its operations are unknown.`);
      continue;
    }
    const { node: item, home: itemHome } = target;
    // The keys beside a path item's `$ref` count as well, and stand in the file of the `$ref`.
    const beside = isObject(value) && value !== item ? value : {};
    const whole = { ...item, ...beside };
    for (const [method, written] of Object.entries(whole)) {
      if (!METHODS.has(method.toLowerCase()) || !isObject(written)) continue;
      const at = operationAt(document, written, Object.hasOwn(beside, method) ? paths.home : itemHome);
      yield { method: method.toUpperCase(), path, item: whole, itemHome, ...at };
    }
    const home = Object.hasOwn(beside, 'additionalOperations') ? paths.home : itemHome;
    for (const [method, written] of Object.entries(objectAt(whole, 'additionalOperations') ?? {})) {
      if (!isObject(written)) continue;
      yield {
        method: method.toUpperCase(),
        path,
        item: whole,
        itemHome,
        ...operationAt(document, written, home),
      };
    }
  }
}

/** The operation at the end of its `$ref`s. The keys beside a `$ref` count as well. */
function operationAt(
  document: SpecDocument,
  written: JsonObject,
  home: JsonObject,
): Pick<FoundOperation, 'node' | 'home' | 'lost'> {
  const { value, home: itsHome, missing } = document.resolve(written, home);
  if (!isObject(value)) return { node: {}, home, lost: missing ?? 'it is no object' };
  if (value === written) return { node: written, home };
  const { $ref: _ref, ...beside } = written;
  return { node: { ...value, ...beside }, home: itsHome };
}

/** Throws a SpecError for a document that cannot be used at all. */
export function checkUsable(root: JsonObject): void {
  const version = root['openapi'] ?? root['swagger'];
  if (!/^"?[23](\.|"?$)/.test(JSON.stringify(version))) {
    throw new SpecError(`OpenAPI ${JSON.stringify(version)} is not known; 2.0, 3.0, 3.1 and 3.2 are.`, [
      codedFault(root['openapi'] === undefined ? '/swagger' : '/openapi', 'unknown_version', {
        known: '2.0, 3.0, 3.1, 3.2',
      }),
    ]);
  }
  const { paths } = root;
  if (paths !== undefined && paths !== null && !isObject(paths)) {
    throw new SpecError('"paths" is not an object.', [
      codedFault('/paths', 'must_be', { wanted: 'an object' }),
    ]);
  }
}
