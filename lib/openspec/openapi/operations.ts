import { isObject, type JsonObject } from '../../common/json.ts';
import { SpecError } from '../../errors.ts';
import type { SpecDocument } from '../spec-document.ts';
import { objectAt } from '../read.ts';

/** One operation of a document, before its parameters are read. */
export interface FoundOperation {
  /** Upper case. */
  method: string;
  path: string;
  item: JsonObject;
  home: JsonObject;
  node: JsonObject;
}

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query']);

/** Every operation of every path, in the document's order. A path that leads nowhere becomes a warning. */
export function* operationsOf(document: SpecDocument, warnings: string[]): Generator<FoundOperation> {
  for (const [path, value] of Object.entries(objectAt(document.root, 'paths') ?? {})) {
    if (path.startsWith('x-')) continue;
    const target = document.object(value, document.root);
    if (target === undefined) {
      if (value !== null) warnings.push(`The path ${path} leads nowhere; its operations are unknown.`);
      continue;
    }
    const { node: item, home } = target;
    // The keys beside a path item's `$ref` count as well.
    const whole = isObject(value) && value !== item ? { ...item, ...value } : item;
    for (const [method, node] of Object.entries(whole)) {
      if (!METHODS.has(method.toLowerCase()) || !isObject(node)) continue;
      yield { method: method.toUpperCase(), path, item: whole, home, node };
    }
    for (const [method, node] of Object.entries(objectAt(whole, 'additionalOperations') ?? {})) {
      if (isObject(node)) yield { method: method.toUpperCase(), path, item: whole, home, node };
    }
  }
}

/** Throws a SpecError for a document that cannot be used at all. */
export function checkUsable(root: JsonObject): void {
  const version = root['openapi'] ?? root['swagger'];
  if (!/^"?[23](\.|"?$)/.test(JSON.stringify(version))) {
    throw new SpecError(`OpenAPI ${JSON.stringify(version)} is not known; 2.0, 3.0, 3.1 and 3.2 are.`, [
      { pointer: root['openapi'] === undefined ? '/swagger' : '/openapi', detail: 'is no known version' },
    ]);
  }
  const { paths } = root;
  if (paths !== undefined && paths !== null && !isObject(paths)) {
    throw new SpecError('"paths" is not an object.', [{ pointer: '/paths', detail: 'has to be an object' }]);
  }
}
