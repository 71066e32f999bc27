import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { argumentKeyOf, isKey, uniqueNames } from '../names.ts';
import { listAt } from '../read.ts';
import type { SpecDocument } from '../spec-document.ts';
import type { SchemaDetail, SchemaDialect } from './dialect.ts';
import { withoutEndlessChoices } from './endless-choices.ts';
import { layerDescription } from './layer-description.ts';
import {
  isListLike,
  isObjectLike,
  layersOf,
  missingRefWarning,
  onlyChoice,
  shapeOf,
  tupleOf,
  type Layer,
  type Layers,
} from './layers.ts';
import { plainKeywordsOf } from './plain-keywords.ts';
import { agreedTypes } from './agreed-types.ts';
import { allowDigits } from './wide-numbers.ts';
import { WireNames } from './wire-names.ts';

interface Definition {
  key: string;
  source: Layers;
  /** Missing until the definition is written. */
  schema?: JsonSchema;
}

/**
 * The one schema engine. A schema is taken apart into layers (`layers.ts`), the layers are merged into one schema, and the
 * schemas inside it are written the same way. Two things end the recursion: a schema that contains itself becomes a `$ref`
 * into `$defs`, and a level deeper than the detail allows is left open. Every byte is counted, so that a caller can try
 * again with less detail when the budget is used up.
 *
 * Writes the schemas of one tool: everything that OpenAPI and JSON Schema of any draft say, in the words that model APIs
 * accept. A keyword that cannot be said makes the schema looser, never stricter: an argument that the device accepts
 * always fits, except for read-only members.
 */
export class SchemaWriter {
  /** The names on the wire of the member keys that were replaced. */
  readonly names = new WireNames();
  /** The faults of the schemas, in plain words. */
  readonly faults = new Set<string>();
  /** The warnings for `$ref`s that lead nowhere. They belong to the document: many tools meet the same one. */
  readonly missing = new Set<string>();
  readonly #document: SpecDocument;
  #detail: SchemaDetail;
  readonly #dialect: SchemaDialect;
  /** The schemas that are being written, from the outside in. */
  readonly #stack: string[] = [];
  /** Those of them that hold for the same value: a choice must not lead back to one of them. */
  #sameValue: string[] = [];
  readonly #definitions = new Map<string, Definition>();
  readonly #definitionKey = uniqueNames();
  #leftBytes: number;

  /** `budgetBytes` is the length of JSON that all schemas of the tool may have together. */
  constructor(document: SpecDocument, detail: SchemaDetail, budgetBytes: number, dialect: SchemaDialect) {
    this.#document = document;
    this.#detail = detail;
    this.#leftBytes = budgetBytes;
    this.#dialect = dialect;
  }

  /** The characters that an argument's own description may have. */
  get descriptionLimit(): number {
    return this.#detail.description;
  }

  /** Writes the schemas from here on with another detail. */
  useDetail(detail: SchemaDetail): void {
    this.#detail = detail;
  }

  /** Takes bytes from the budget; true when it is used up. */
  spend(bytes: number): boolean {
    this.#leftBytes -= bytes;
    return this.#leftBytes < 0;
  }

  /** Notes the `$ref`s that lead nowhere of a schema whose members are written one by one. */
  noteMissing({ missing }: Layers): void {
    for (const ref of missing) this.missing.add(missingRefWarning(this.#document, ref));
  }

  /** The schema of one value; `inner` is false for an argument itself. */
  write(value: JsonValue | undefined, home: JsonObject, inner = true): JsonSchema {
    return isObject(value) && this.#leftBytes >= 0
      ? this.writeLayers(this.#layersOf(value, home), inner)
      : {};
  }

  /** The same for a schema that was taken apart already. */
  writeLayers(layers: Layers, inner = true): JsonSchema {
    const before = this.#sameValue;
    this.#sameValue = [];
    const schema = this.#writeSameValue(layers, inner);
    this.#sameValue = before;
    return schema;
  }

  /** The schemas to which `#/$defs/…` refers. The caller asks for them last. */
  definitions(): Record<string, JsonSchema> {
    const written: Record<string, JsonSchema> = {};
    // A definition that is found while another one is written is written, too: the Map is walked with its new entries.
    for (const [identity, definition] of this.#definitions) {
      const { key, source } = definition;
      this.#sameValue = [identity];
      written[key] = definition.schema ??= this.#merge(source, true);
      if (this.spend(key.length + 4)) break;
    }
    return withoutEndlessChoices(written);
  }

  #layersOf(value: JsonObject, home: JsonObject): Layers {
    return layersOf(this.#document, value, home, this.#dialect);
  }

  /**
   * Writes a schema for the value that is being written. A schema that is being written already becomes a `$ref`, and
   * so does a long shared one.
   */
  #writeSameValue(source: Layers, inner: boolean): JsonSchema {
    const { layers, identity, name } = source;
    if (this.#leftBytes < 0) return {};
    this.noteMissing(source);
    if (layers.length === 0) return {};
    if (this.#definitions.has(identity) || this.#stack.includes(identity)) return this.#refTo(source);
    const before = this.#leftBytes;
    this.#stack.push(identity);
    this.#sameValue = [...this.#sameValue, identity];
    const schema = this.#merge(source, inner);
    this.#sameValue = this.#sameValue.slice(0, -1);
    this.#stack.pop();
    const { shareOverBytes, writesCyclesOutOnce } = this.#dialect;
    const isCycle = this.#definitions.has(identity) && !writesCyclesOutOnce;
    const isLong = name !== undefined && before - this.#leftBytes > shareOverBytes;
    if (!isCycle && !isLong) return schema;
    const ref = this.#refTo(source);
    const definition = this.#definitions.get(identity);
    if (definition !== undefined) definition.schema = schema;
    return ref;
  }

  /** The `$ref` to a schema's definition; the definition gets its key with the first `$ref`. */
  #refTo(source: Layers): JsonSchema {
    const { identity, name } = source;
    let definition = this.#definitions.get(identity);
    if (definition === undefined) {
      definition = { key: this.#definitionKey(argumentKeyOf(name ?? 'recursive')), source };
      this.#definitions.set(identity, definition);
    }
    this.spend(definition.key.length + 18);
    return { $ref: `#/$defs/${definition.key}` };
  }

  /** One schema for the demands of all layers. */
  #merge(source: Layers, inner: boolean): JsonSchema {
    const { layers } = source;
    const schema: JsonSchema = {};
    const isTooDeep = this.#stack.length > this.#detail.depth;
    const nullable = layers.some(({ node }) => node['nullable'] === true || node['x-nullable'] === true);
    this.#describe(layers, inner, schema);
    const plain = plainKeywordsOf(layers, nullable, this.#detail, this.#dialect, this.#note);
    Object.assign(schema, plain.schema);
    this.spend(plain.bytes);
    if (!isTooDeep) this.#writeUnions(layers, nullable, schema);

    const types = agreedTypes(layers, this.#dialect, this.#note);
    const isObjectType = types === undefined ? isObjectLike(layers) : types.includes('object');
    const isListType = types === undefined ? !isObjectType && isListLike(layers) : types.includes('array');
    const named = types ?? (isObjectType ? ['object'] : isListType ? ['array'] : undefined);
    if (named !== undefined) {
      const all = nullable && !named.includes('null') ? [...named, 'null'] : named;
      schema['type'] = all.length === 1 ? (all[0] ?? 'object') : all;
      this.spend(19 + 4 * all.length + allowDigits(schema));
    }
    if (isListType) {
      schema['items'] = isTooDeep ? {} : this.#itemsOf(layers, schema);
      this.spend(11);
    }
    if ((isObjectType || types === undefined) && !isTooDeep) this.#writeMembers(source, isObjectType, schema);
    return schema;
  }

  /** Writes the first description of the layers, cut to the length that the detail allows. */
  #describe(layers: readonly Layer[], inner: boolean, schema: JsonSchema): void {
    const limit = inner ? this.#detail.innerDescription : this.#detail.description;
    const text = layerDescription(layers, limit, this.#dialect);
    if (text === undefined) return;
    schema['description'] = text;
    this.spend(Buffer.byteLength(text) + 18);
  }

  readonly #note = (warning: string | undefined): void => {
    if (warning !== undefined) this.faults.add(warning);
  };

  /** `oneOf` becomes `anyOf`: a value that fits two looser copies of its members still fits. */
  #writeUnions(layers: readonly Layer[], nullable: boolean, schema: JsonSchema): void {
    const unions: JsonSchema[] = [];
    for (const { node, home } of layers) {
      for (const members of [listAt(node, 'anyOf'), listAt(node, 'oneOf')]) {
        const union = members.filter((member) => member !== false);
        // The only member of a choice is a layer already.
        if (union.length === 0 || (this.#dialect.flattensSingleChoice && onlyChoice(union) !== undefined))
          continue;
        const anyOf = this.#writeUnion(union, home);
        if (anyOf === undefined) continue;
        if (nullable) anyOf.push({ type: 'null' });
        unions.push({ anyOf });
        this.spend(12 + 3 * anyOf.length);
      }
    }
    if (unions.length === 1) Object.assign(schema, unions[0]);
    else if (unions.length > 1) schema['allOf'] = unions;
  }

  /** The members of a choice; undefined when one of them is the value's own schema again: the choice says nothing then. */
  #writeUnion(members: readonly JsonValue[], home: JsonObject): JsonSchema[] | undefined {
    const all = members.map((member) => (isObject(member) ? this.#layersOf(member, home) : undefined));
    if (all.some((member) => member !== undefined && this.#sameValue.includes(member.identity)))
      return undefined;
    return all.map((member) => (member === undefined ? {} : this.#writeSameValue(member, true)));
  }

  /** A list's `items`, which every model API asks for. The places of a tuple become one choice. */
  #itemsOf(layers: readonly Layer[], schema: JsonSchema): JsonSchema {
    const tuple = layers.find(({ node }) => tupleOf(node).length > 0);
    if (tuple !== undefined) return this.#tupleItems(tuple, schema);
    const all = layers.flatMap(({ node, home }) =>
      isObject(node['items']) ? [this.#layersOf(node['items'], home)] : [],
    );
    const [first, ...others] = all;
    if (first === undefined) return {};
    if (others.length === 0) return this.writeLayers(first);
    const identity = all.map((one) => one.identity).join(' ');
    const missing = all.flatMap((one) => one.missing);
    return this.writeLayers({ layers: all.flatMap((one) => one.layers), identity, missing });
  }

  /** The choice of a tuple's places. An open tuple allows any item. */
  #tupleItems({ node, home }: Layer, schema: JsonSchema): JsonSchema {
    const places = tupleOf(node);
    const rest = Array.isArray(node['items']) ? node['additionalItems'] : node['items'];
    const isClosed = rest === false || (rest === undefined && this.#dialect.closesTuples);
    if (rest === false) schema['maxItems'] ??= places.length;
    if (!isClosed && !isObject(rest)) return {};
    const written = [...places, ...(isObject(rest) ? [rest] : [])].map((place) => this.write(place, home));
    const choices = [...new Map(written.map((choice) => [JSON.stringify(choice), choice])).values()];
    if (choices.some((choice) => Object.keys(choice).length === 0)) return {};
    const [only] = choices;
    return choices.length === 1 && only !== undefined && this.#dialect.flattensSingleChoice
      ? only
      : { anyOf: choices };
  }

  /** Writes the members of an object. A schema without a type only says which members an object must have. */
  #writeMembers(source: Layers, isObjectType: boolean, schema: JsonSchema): void {
    const { properties, required: wireNames, additional } = shapeOf(this.#document, source, this.#dialect);
    const described = isObjectType ? properties : new Map<string, Layers>();
    const target: JsonObject = {};
    const keys = this.#keysOf([...described.keys()], wireNames);
    for (const [wireName, property] of described) {
      const key = keys.get(wireName) ?? wireName;
      target[key] = this.writeLayers(property);
      if (this.spend(key.length + 6)) return;
    }
    if (wireNames.size > 0) schema['required'] = [...wireNames].map((name) => keys.get(name) ?? name);
    for (const name of wireNames) {
      const key = keys.get(name) ?? name;
      // A replaced key finds its way back only from a place in `properties`.
      if (key !== name && !described.has(name))
        target[key] = isObject(additional?.value) ? this.write(additional.value, additional.home) : {};
      this.spend(key.length + 3);
    }
    if (Object.keys(target).length > 0) schema['properties'] = target;
    this.names.add(target, new Map([...keys].flatMap(([name, key]) => (key === name ? [] : [[key, name]]))));
    if (!isObjectType) return;
    if (additional?.value === false) schema['additionalProperties'] = false;
    else if (isObject(additional?.value))
      schema['additionalProperties'] = this.write(additional.value, additional.home);
    this.spend(40);
  }

  /**
   * The keys of an object's members by their names on the wire. A name that is a key already keeps it; the others get keys
   * that are not taken.
   */
  #keysOf(described: readonly string[], required: ReadonlySet<string>): Map<string, string> {
    const keyOf = this.#dialect.memberKeys();
    const undeclared = [...required].filter((name) => !described.includes(name));
    const [plain, odd]: [string[], string[]] = [[], []];
    for (const name of [...described, ...undeclared]) (isKey(name) ? plain : odd).push(name);
    return new Map([...plain, ...odd].map((name) => [name, keyOf(name)]));
  }
}
