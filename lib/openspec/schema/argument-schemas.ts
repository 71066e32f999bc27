import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { SpecError } from '../../errors.ts';
import { shorten } from '../shorten.ts';
import type { SpecDocument } from '../spec-document.ts';
import type { SchemaDetail, SchemaDialect } from './dialect.ts';
import { defaultsOf } from './defaults.ts';
import { SchemaWriter } from './schema-writer.ts';
import { WireNames } from './wire-names.ts';

/** One argument of a tool, as its document describes it. */
export interface SchemaArgument {
  /** The key for the model. The caller has made it unique, and knows the name on the wire. */
  name: string;
  schema: JsonValue;
  required: boolean;
  /** Stands before the description of the schema. */
  description?: string;
  /** The file in which `schema` stands; the document's root by default. */
  home?: JsonObject;
}

/** The parameters of one tool. */
export interface ToolParameters {
  schema: JsonSchema;
  /** The values of required arguments that a call leaves out, by name. */
  defaults: JsonObject;
  /** Gives the members inside the arguments their names on the wire. */
  names: WireNames;
  /** The part that was left out to stay in the budget. */
  trimmed: Trim | undefined;
}

/** The part of a schema that was left out for size: long descriptions, deep members, or everything but the names. */
type Trim = 'descriptions' | 'depth' | 'opaque';

/** A tool's parameters are at most this long, unless the caller says otherwise, in bytes of JSON. */
const PARAMETERS_MAX_BYTES = 8 * 1024;
const DESCRIPTION_MAX_LENGTH = 1024;
/** The writer only estimates its bytes. With some more than the budget it does not give up too early. */
const ESTIMATE_FACTOR = 1.25;

const MOST: SchemaDetail = {
  depth: 64,
  description: DESCRIPTION_MAX_LENGTH,
  innerDescription: DESCRIPTION_MAX_LENGTH,
  enumBytes: Number.POSITIVE_INFINITY,
};

/** From the most detail to the least. The first step that fits the budget is used. */
const STEPS: readonly { detail: SchemaDetail; trimmed: Trim | undefined }[] = [
  { detail: MOST, trimmed: undefined },
  ...(
    [
      [400, 160],
      [160, 60],
      [80, 0],
    ] as const
  ).map(([description, innerDescription]) => ({
    detail: { ...MOST, description, innerDescription },
    trimmed: 'descriptions' as const,
  })),
  ...[8, 7, 6, 5, 4, 3, 2, 1, 0].map((depth) => ({
    detail: { depth, description: 80, innerDescription: 0, enumBytes: 512 },
    trimmed: 'depth' as const,
  })),
];

/**
 * The parameters of tools whose arguments stand side by side in the document, as those of OpenRPC methods do.
 *
 * Contract:
 * - The parameters accept everything that the document accepts, except for read-only members.
 * - They are an object schema without combinators at its root, closed to other arguments. Lists have `items`, every
 *   `$ref` leads to their own `$defs`, `const` is `enum`, `oneOf` is `anyOf`.
 * - Member keys that model APIs refuse are replaced; `names` puts them back.
 * - A bad `$ref` inside a schema allows any value, with a warning. An argument that is only a bad `$ref` is a SpecError.
 */
export class ArgumentSchemas {
  /** The odd things about the schemas, each once, in plain words. */
  readonly warnings = new Set<string>();
  readonly #document: SpecDocument;
  readonly #dialect: SchemaDialect;
  readonly #maxBytes: number;

  constructor(document: SpecDocument, dialect: SchemaDialect, maxBytes = PARAMETERS_MAX_BYTES) {
    this.#document = document;
    this.#dialect = dialect;
    this.#maxBytes = maxBytes;
  }

  /** The parameters of one tool; `trimmed` names the part that was left out to stay in the budget. */
  parameters(args: readonly SchemaArgument[]): ToolParameters {
    for (const arg of args) this.#checkRefs(arg);
    // Each step is shorter than the one before it, so the first that fits is found by halving.
    let [low, high] = [0, STEPS.length];
    let best: Omit<ToolParameters, 'trimmed'> | undefined;
    for (let at = 0; low < high; at = (low + high) >> 1) {
      const attempt = this.#attempt(args, STEPS[at]?.detail ?? MOST);
      if (attempt === undefined) low = at + 1;
      else [high, best] = [at, attempt];
    }
    if (best !== undefined) return { ...best, trimmed: STEPS[high]?.trimmed };
    return { schema: opaque(args, this.#maxBytes), defaults: {}, names: new WireNames(), trimmed: 'opaque' };
  }

  /** The parameters with this much detail; undefined when they are too long. */
  #attempt(
    args: readonly SchemaArgument[],
    detail: SchemaDetail,
  ): Omit<ToolParameters, 'trimmed'> | undefined {
    const writer = new SchemaWriter(this.#document, detail, ESTIMATE_FACTOR * this.#maxBytes, this.#dialect);
    const properties: JsonObject = {};
    for (const arg of args) {
      properties[arg.name] = this.#describe(
        writer.write(arg.schema, arg.home ?? this.#document.root, false),
        arg,
        detail,
      );
      // The budget is spent: this step is too long, whatever the other arguments are.
      if (writer.spend(0)) break;
    }
    const definitions = writer.definitions();
    for (const fault of [...writer.missing, ...writer.faults]) this.warnings.add(fault);
    if (writer.spend(0)) return undefined;
    const defs = Object.keys(definitions).length > 0 ? { $defs: definitions } : {};
    const required = args.filter((arg) => arg.required).map((arg) => arg.name);
    const defaults = defaultsOf({ properties, ...defs }, required);
    const demanded = args.map((arg) => ({
      ...arg,
      required: arg.required && !Object.hasOwn(defaults, arg.name),
    }));
    const schema = { ...rootOf(demanded, properties), ...defs };
    return bytesOf(schema) <= this.#maxBytes ? { schema, defaults, names: writer.names } : undefined;
  }

  /** A schema with the argument's own description before that of the schema. */
  #describe(schema: JsonSchema, { description }: SchemaArgument, detail: SchemaDetail): JsonSchema {
    const inner = schema['description'];
    const texts = new Set([description, typeof inner === 'string' ? inner : undefined]);
    const text = [...texts].filter((part) => part !== undefined && part !== '').join('\n');
    return text === '' ? schema : { ...schema, description: shorten(text, detail.description) };
  }

  /** An argument that is only a bad `$ref` cannot be given. */
  #checkRefs({ name, schema, home = this.#document.root }: SchemaArgument): void {
    const { missing, endless } = this.#document.resolve(schema, home);
    if (missing === undefined) return;
    const isLoop = endless === true || this.#document.resolve({ $ref: missing }, home).missing === undefined;
    const detail = `The $ref "${missing}" of "${name}" ${isLoop ? 'leads to itself' : 'leads nowhere'}.`;
    throw new SpecError(detail, [{ pointer: '', detail }]);
  }
}

/** The object schema of a tool's parameters, closed to other arguments. */
function rootOf(args: readonly SchemaArgument[], properties: JsonObject): JsonObject {
  const required = args.filter((arg) => arg.required).map((arg) => arg.name);
  return {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}

/** Only the names of the arguments; where even they are too long, any object, and the names that fit in a description. */
function opaque(args: readonly SchemaArgument[], maxBytes: number): JsonSchema {
  const named = rootOf(args, Object.fromEntries(args.map(({ name }) => [name, {}])));
  if (bytesOf(named) <= maxBytes) return named;
  const names = args.map(({ name }) => name).join(', ');
  const room = Math.max(40, Math.min(DESCRIPTION_MAX_LENGTH, Math.floor(maxBytes / 4)));
  const description = shorten(`Arguments: ${names}`, room);
  return { type: 'object', properties: {}, additionalProperties: true, description };
}

function bytesOf(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}
