import { dirname, relative } from 'node:path';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { childPointer, decodeFragmentPart, unescapePart } from '../common/json-pointer.ts';
import { fileOf, sourcePath } from './files.ts';
import { objectAt, own, textAt } from './read.ts';

/** A value and the root of the file in which it stands. A `$ref` inside the value is relative to that file. */
interface Located {
  value: JsonValue | undefined;
  home: JsonObject;
  /** The place to which the last `$ref` on the way led, the same text for the same place; missing when there was none. */
  key?: string;
  /** The `$ref` that leads nowhere, or only to itself. */
  missing?: string;
  /** The object that holds the `$ref` in `missing`; it stands in the file `home`. */
  holder?: JsonObject;
  /** True when the `$ref`s never end. */
  endless?: true;
}

/** An object and its place in a document. */
export interface LocatedObject {
  node: JsonObject;
  home: JsonObject;
  key?: string;
}

/** A `$ref` that leads nowhere. Where it stands, any value is allowed. */
export interface MissingRef {
  /** The `$ref` as it is written. */
  ref: string;
  holder: JsonObject;
  /** The file in which the holder stands. */
  home: JsonObject;
}

/** A longer chain of `$ref`s is taken for one without an end. */
const HOPS_MAX_COUNT = 64;

/**
 * A document of any kind whose `$ref`s are resolved on demand, one hop at a time. A `$ref` may be a pointer into its own
 * file or another file of the document, an `$anchor`, a schema's `$id`, or the bare name of a schema as old documents
 * write it. Nothing is copied, changed or read from a disk.
 */
export class SpecDocument {
  readonly root: JsonObject;
  /** True for Swagger 2.0, which has other keys than OpenAPI 3. */
  readonly isSwagger2: boolean;
  readonly #files: ReadonlyMap<string, JsonObject>;
  readonly #rootPath: string;
  readonly #pathOf: Map<JsonObject, string>;
  readonly #resolved = new Map<string, Located>();
  /** The pointers to the objects with a `$ref`, by file. A file is searched when one of its `$ref`s leads nowhere. */
  readonly #places = new Map<JsonObject, Map<JsonObject, string>>();
  readonly #anchors = new Map<JsonObject, Map<string, JsonValue>>();
  #ids: Map<string, { value: JsonObject; home: JsonObject }> | undefined;

  /** `files` are the other files of the document by absolute path; `source` is the path or URL of the document itself. */
  constructor(root: JsonObject, files: ReadonlyMap<string, JsonObject> = new Map(), source = '') {
    this.root = root;
    this.isSwagger2 = root['swagger'] !== undefined;
    this.#files = files;
    this.#rootPath = sourcePath(source);
    this.#pathOf = new Map([
      ...[...files].map(([path, file]) => [file, path] as const),
      [root, this.#rootPath],
    ]);
  }

  /** The value itself, or the value at the end of its chain of `$ref`s. */
  resolve(value: JsonValue | undefined, home: JsonObject): Located {
    let located: Located = { value, home };
    for (let hops = 0; isObject(located.value); hops += 1) {
      const ref: JsonValue | undefined =
        located.value['$ref'] ?? located.value['$dynamicRef'] ?? located.value['$recursiveRef'];
      if (typeof ref !== 'string') return located;
      const holder = located.value;
      if (hops === HOPS_MAX_COUNT)
        return { value: undefined, home: located.home, holder, missing: ref, endless: true };
      const next = this.#lookUp(ref, located.home);
      if (next.missing !== undefined) return { ...next, home: located.home, holder };
      located = next;
    }
    return located;
  }

  /** The same for a place where only an object is of use; undefined for any other value. */
  object(value: JsonValue | undefined, home: JsonObject): LocatedObject | undefined {
    const { value: node, home: itsHome, key } = this.resolve(value, home);
    return isObject(node) ? { node, home: itsHome, ...(key === undefined ? {} : { key }) } : undefined;
  }

  /**
   * Where a `$ref` that leads nowhere stands: `#/components/schemas/Pet`, with the name of its file before it when that is not
   * the document itself. Undefined for an object that is not in a file as it is.
   */
  placeOf({ holder, home }: MissingRef): string | undefined {
    let places = this.#places.get(home);
    if (places === undefined) this.#places.set(home, (places = refPlacesIn(home)));
    const pointer = places.get(holder);
    const path = home === this.root ? '' : relative(dirname(this.#rootPath), this.#pathOf.get(home) ?? '');
    return pointer === undefined ? undefined : `${path}#${pointer}`;
  }

  /** Resolves one `$ref`, and remembers the result: tools share most of their `$ref`s. */
  #lookUp(ref: string, home: JsonObject): Located {
    const homePath = this.#pathOf.get(home) ?? '';
    const cacheKey = `${homePath} ${ref}`;
    const known = this.#resolved.get(cacheKey);
    if (known !== undefined) return known;
    this.#resolved.set(cacheKey, { value: undefined, home, missing: ref }); // a pointer through itself leads nowhere
    const located = this.#locate(ref, home, homePath);
    this.#resolved.set(cacheKey, located);
    return located;
  }

  /** Finds the target of a `$ref`: in a file of the document, by a bare name, or by a schema's `$id`. */
  #locate(ref: string, home: JsonObject, homePath: string): Located {
    const [file = '', fragment = ''] = ref.split('#', 2);
    const path = file === '' ? homePath : (fileOf(file, homePath) ?? file);
    const target = file === '' ? home : path === this.#rootPath ? this.root : this.#files.get(path);
    if (target !== undefined) {
      const found = this.#valueIn(target, fragment, target);
      if (found !== undefined) return { ...found, key: `${path}#${fragment || ref}` };
    } else {
      // `Pet` could be a file, too: the files have been asked before.
      const bare = bareName(ref, home);
      if (bare !== undefined) return { value: bare, home, key: `${homePath}#${ref}` };
      // Only a `$ref` that leads nowhere else is worth the walk over the whole document.
      const named = this.#idsOf().get(file);
      const found = named === undefined ? undefined : this.#valueIn(named.value, fragment, named.home);
      if (found !== undefined) return { ...found, key: ref };
    }
    return { value: undefined, home, missing: ref };
  }

  /**
   * The value at a fragment [RFC 6901 6]. A `$ref` on the way is followed, since documents point through them: the value may
   * stand in another file than the fragment.
   */
  #valueIn(
    target: JsonObject,
    fragment: string,
    targetHome: JsonObject,
  ): { value: JsonValue; home: JsonObject } | undefined {
    if (fragment === '') return { value: target, home: targetHome };
    if (!fragment.startsWith('/')) {
      const anchored = this.#anchored(target, decodeFragmentPart(fragment));
      return anchored === undefined ? undefined : { value: anchored, home: targetHome };
    }
    let value: JsonValue | undefined = target;
    let home = targetHome;
    for (const part of fragment.slice(1).split('/')) {
      const key = unescapePart(decodeFragmentPart(part));
      if (isObject(value) && value['$ref'] !== undefined && own(value, key) === undefined) {
        ({ value, home } = this.resolve(value, home));
      }
      if (Array.isArray(value)) value = value[Number(key)];
      else value = isObject(value) ? (own(value, key) ?? own(value, unescapePart(part))) : undefined;
    }
    return value === undefined ? undefined : { value, home };
  }

  /** The schema with this `$anchor` in a file. The index of a file is made when somebody refers to an anchor in it. */
  #anchored(target: JsonObject, name: string): JsonValue | undefined {
    let index = this.#anchors.get(target);
    if (index === undefined) {
      index = new Map();
      this.#anchors.set(target, index);
      for (const node of objectsIn(target)) {
        const anchor = textAt(node, '$anchor') ?? textAt(node, '$dynamicAnchor');
        if (anchor !== undefined && !index.has(anchor)) index.set(anchor, node);
      }
    }
    return index.get(name);
  }

  /** The schemas that name themselves with an absolute `$id`. */
  #idsOf(): Map<string, { value: JsonObject; home: JsonObject }> {
    if (this.#ids !== undefined) return this.#ids;
    this.#ids = new Map();
    for (const home of [this.root, ...this.#files.values()]) {
      for (const value of objectsIn(home)) {
        const id = value['$id'] ?? value['id'];
        if (typeof id === 'string' && id.includes(':')) this.#ids.set(id.replace(/#$/, ''), { value, home });
      }
    }
    return this.#ids;
  }
}

/** The pointers to all objects with a `$ref` in a file, without recursion: documents are deep. */
function refPlacesIn(root: JsonObject): Map<JsonObject, string> {
  const places = new Map<JsonObject, string>();
  const pending: [JsonValue, string][] = [[root, '']];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [node, pointer] = next;
    if (typeof node !== 'object' || node === null) continue;
    if (isObject(node) && REF_KEYS.some((key) => node[key] !== undefined)) places.set(node, pointer);
    for (const [key, child] of Object.entries(node))
      if (typeof child === 'object' && child !== null) pending.push([child, childPointer(pointer, key)]);
  }
  return places;
}

const REF_KEYS = ['$ref', '$dynamicRef', '$recursiveRef'];

/** Old documents write `$ref: Pet`. */
function bareName(ref: string, home: JsonObject): JsonValue | undefined {
  if (!/^[\w-]+$/.test(ref)) return undefined;
  const schemas = objectAt(objectAt(home, 'components'), 'schemas') ?? objectAt(home, 'definitions');
  return own(schemas, ref);
}

/** Every object in a tree, without recursion: documents are deep. */
function* objectsIn(root: JsonObject): Generator<JsonObject> {
  const pending: JsonValue[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isObject(node)) yield node;
    if (typeof node !== 'object' || node === null) continue;
    for (const child of Object.values(node))
      if (typeof child === 'object' && child !== null) pending.push(child);
  }
}
