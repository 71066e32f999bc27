import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { unescapePart } from '../../common/json-pointer.ts';
import { fileOf, sourcePath } from '../files.ts';
import { objectAt, own, textAt } from './read.ts';

/** A value and the file (its root) that it stands in: a `$ref` inside it is relative to that file. */
export interface Located {
  value: JsonValue | undefined;
  home: JsonObject;
  /** Where the last `$ref` on the way led, the same text for the same place; missing when there was none. */
  key?: string;
  /** The `$ref` that leads nowhere. */
  missing?: string;
}

/** A document whose `$ref`s are followed on demand, one hop at a time; nothing is copied, changed or read. */
export interface SpecDocument {
  readonly root: JsonObject;
  readonly isSwagger2: boolean;
  /** Where a node leads: itself, or what its chain of `$ref`s ends at. */
  follow(value: JsonValue | undefined, home: JsonObject): Located;
  /** The same, where only an object will do. */
  object(
    value: JsonValue | undefined,
    home: JsonObject,
  ): { node: JsonObject; home: JsonObject; key?: string } | undefined;
}

const HOPS_MAX_COUNT = 64;

/** Wraps a parsed document. `files` are the other files of a multi-file document by path, beside `source`. */
export function createSpecDocument(
  root: JsonObject,
  files: ReadonlyMap<string, JsonObject> = new Map(),
  source = '',
): SpecDocument {
  const rootPath = sourcePath(source);
  const pathOf = new Map<JsonObject, string>([[root, rootPath]]);
  for (const [path, file] of files) pathOf.set(file, path);
  const found = new Map<string, Located>();
  const anchors = new Map<JsonObject, Map<string, JsonValue>>();

  function lookUp(ref: string, home: JsonObject): Located {
    const homePath = pathOf.get(home) ?? '';
    const cacheKey = `${homePath} ${ref}`;
    const known = found.get(cacheKey);
    if (known !== undefined) return known;
    found.set(cacheKey, { value: undefined, home, missing: ref }); // what leads through itself leads nowhere
    const [file = '', fragment = ''] = ref.split('#', 2);
    const path = file === '' ? homePath : (fileOf(file, homePath) ?? file);
    const target = file === '' ? home : path === rootPath ? root : files.get(path);
    const value = target === undefined ? bareName(ref, home) : at(target, fragment);
    const located: Located =
      value === undefined
        ? { value, home, missing: ref }
        : {
            value,
            home: target ?? home,
            key: `${target === undefined ? homePath : path}#${fragment || ref}`,
          };
    found.set(cacheKey, located);
    return located;
  }

  /** Old documents write `$ref: Pet`. */
  function bareName(ref: string, home: JsonObject): JsonValue | undefined {
    if (!/^[\w-]+$/.test(ref)) return undefined;
    const schemas = objectAt(objectAt(home, 'components'), 'schemas') ?? objectAt(home, 'definitions');
    return own(schemas, ref);
  }

  function at(target: JsonObject, fragment: string): JsonValue | undefined {
    if (fragment === '') return target;
    if (!fragment.startsWith('/')) return anchored(target, safeDecode(fragment));
    let value: JsonValue | undefined = target;
    for (const part of safeDecode(fragment).slice(1).split('/')) {
      const key = unescapePart(part);
      if (isObject(value) && value['$ref'] !== undefined && own(value, key) === undefined) {
        value = follow(value, target).value;
      }
      if (Array.isArray(value)) value = value[Number(key)];
      else value = isObject(value) ? own(value, key) : undefined;
    }
    return value;
  }

  /** JSON Schema's `$anchor`: looked for once a file, and only when somebody refers to one. */
  function anchored(target: JsonObject, name: string): JsonValue | undefined {
    let index = anchors.get(target);
    if (index === undefined) {
      index = new Map();
      anchors.set(target, index);
      const pending: JsonValue[] = [target];
      for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
        if (isObject(node)) {
          const anchor = textAt(node, '$anchor') ?? textAt(node, '$dynamicAnchor');
          if (anchor !== undefined && !index.has(anchor)) index.set(anchor, node);
        }
        if (typeof node === 'object' && node !== null) {
          for (const child of Object.values(node))
            if (typeof child === 'object' && child !== null) pending.push(child);
        }
      }
    }
    return index.get(name);
  }

  function follow(value: JsonValue | undefined, home: JsonObject): Located {
    let located: Located = { value, home };
    for (let hops = 0; isObject(located.value); hops += 1) {
      const ref: JsonValue | undefined = located.value['$ref'] ?? located.value['$dynamicRef'];
      if (typeof ref !== 'string') return located;
      if (hops === HOPS_MAX_COUNT) return { value: undefined, home, missing: ref };
      located = lookUp(ref, located.home);
    }
    return located;
  }

  return {
    root,
    isSwagger2: root['swagger'] !== undefined,
    follow,
    object(value, home) {
      const located = follow(value, home);
      if (!isObject(located.value)) return undefined;
      const { key } = located;
      return { node: located.value, home: located.home, ...(key === undefined ? {} : { key }) };
    },
  };
}

function safeDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a literal percent sign
  }
}
