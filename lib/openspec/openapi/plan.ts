import { isObject, type JsonObject } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { bodyLayers, planBody, writeOpen, type BodyPlan, type PlannedBody } from './body-plan.ts';
import type { SpecDocument } from '../spec-document.ts';
import { described, draftKeysOf, type Draft } from './draft.ts';
import { choicesOf, type Choice } from './media-type.ts';
import { objectAt, saidAt } from '../read.ts';
import type { OperationParameter, RequestShape } from './request-shape.ts';
import type { SchemaDetail } from '../schema/dialect.ts';
import { defaultsOf } from '../schema/defaults.ts';
import { SchemaWriter } from '../schema/schema-writer.ts';
import type { WireNames } from '../schema/wire-names.ts';
import { openapiDialect } from './dialect.ts';
import { styleOf, type Style } from './styles.ts';

/** A parameter as an argument: its key for the model, and how it is written on the wire. */
export interface WireArgument extends Style {
  key: string;
  name: string;
  in: OperationParameter['in'];
  required: boolean;
}

/** The parameters that a model sees for an operation, and how the arguments become a request. */
export interface OperationPlan {
  parameters: JsonSchema;
  arguments: WireArgument[];
  body?: BodyPlan;
  /** The values of required arguments that a call leaves out, by key. */
  defaults: JsonObject;
  /** The values of required members of a body that is optional: they are sent once there is a body. */
  bodyDefaults: JsonObject;
  /** Gives the members inside arguments their names on the wire. */
  names: WireNames;
  warnings: string[];
  /** The warnings about the document as a whole, in whole sentences. */
  documentWarnings: string[];
}

/** The most that the parameters of one tool may have, in bytes of JSON. */
const TOOL_MAX_BYTES = 12 * 1024;

/** The least detail in which values keep their patterns and limits. */
const LEAST_DETAIL: SchemaDetail = { depth: 1, description: 0, innerDescription: 0, enumBytes: 128 };

/** Names and types down to a level, and nothing else. */
function namesTo(depth: number): SchemaDetail {
  return { depth, description: 0, innerDescription: 0, enumBytes: 0, isPlain: true };
}

/** The names and types of the arguments alone: the least detail before the body becomes an opaque object. */
const NAMES = namesTo(0);

/**
 * From the most detail to the least: first descriptions get shorter, then deep objects become opaque, then only names and
 * types are left.
 */
const DETAILS: readonly SchemaDetail[] = [
  { depth: 24, description: 1024, innerDescription: 1024, enumBytes: 4096 },
  { depth: 24, description: 400, innerDescription: 200, enumBytes: 2048 },
  { depth: 24, description: 200, innerDescription: 80, enumBytes: 2048 },
  { depth: 24, description: 120, innerDescription: 0, enumBytes: 1024 },
  ...[7, 5, 4, 3, 2, 1].map((depth) => ({ depth, description: 100, innerDescription: 0, enumBytes: 512 })),
  LEAST_DETAIL,
  namesTo(2),
  namesTo(1),
  NAMES,
];

/** The arguments of an operation before they have schemas. */
interface Sketch {
  args: WireArgument[];
  parameters: Draft[];
  body: PlannedBody | undefined;
  /** The key of each draft. */
  keys: Map<Draft, string>;
}

/** The schema of one attempt, with its writer. */
interface Attempt {
  schema: JsonSchema;
  /** The usable defaults of required arguments, by key. */
  defaults: JsonObject;
  writer: SchemaWriter;
  isOver: boolean;
  /** Whether the body alone is over the budget. */
  isBodyOver: boolean;
}

/** Plans the operations of a document. The plans are the same in any order of asking. */
export class Planner {
  readonly #document: SpecDocument;
  /** Many operations share a body: a detail that was too much for it once is not tried again. */
  readonly #firstLevel = new Map<string, number>();

  constructor(document: SpecDocument) {
    this.#document = document;
  }

  /** The plan of an operation, with as much detail as fits the budget. */
  planOf(shape: RequestShape): OperationPlan {
    const choices = shape.body === undefined ? [] : choicesOf(this.#document, shape.body.mediaTypes);
    // Only a body with one media type is known again by its schema.
    const [only] = choices;
    const identity = choices.length === 1 && only ? bodyLayers(this.#document, only)?.identity : undefined;
    const first = identity === undefined ? undefined : this.#firstLevel.get(identity);
    const sketch = this.#sketch(shape, choices, false);
    for (let level = first ?? 0; level < DETAILS.length; level += 1) {
      const attempt = this.#attempt(sketch, DETAILS[level] ?? NAMES, TOOL_MAX_BYTES);
      if (!attempt.isOver) return finish(shape, sketch, attempt, level === 0 ? undefined : wordsFor(level));
      if (attempt.isBodyOver && identity !== undefined) this.#firstLevel.set(identity, level + 1);
    }
    const bare = this.#attempt(sketch, NAMES, TOOL_MAX_BYTES, true);
    // A body that is one argument has no names to be left with: it becomes opaque instead.
    const isBodyWhole = sketch.body !== undefined && sketch.body.plan.properties === undefined;
    if (!bare.isOver && !isBodyWhole) return finish(shape, sketch, bare, BARE_WORDS);
    const opaque = this.#sketch(shape, choices, true);
    const attempt = this.#attempt(opaque, NAMES, Number.POSITIVE_INFINITY);
    return finish(shape, opaque, attempt, opaque.body === undefined ? NAMES_WORDS : OPAQUE_WORDS);
  }

  /** The drafts of all arguments with their keys; keys do not depend on the detail. */
  #sketch(shape: RequestShape, choices: Choice[], isOpaque: boolean): Sketch {
    const args: WireArgument[] = [];
    const parameters = shape.parameters.map((parameter) => this.#draft(parameter, args));
    const body =
      shape.body === undefined ? undefined : planBody(this.#document, shape.body, choices, isOpaque);
    return { args, parameters, body, keys: draftKeysOf([...parameters, ...(body?.drafts ?? [])]) };
  }

  /** Writes the whole schema with this much detail; `isBare` leaves out everything but the names. */
  #attempt(
    { parameters, body, keys }: Sketch,
    detail: SchemaDetail,
    budgetBytes: number,
    isBare = false,
  ): Attempt {
    // The writer estimates its bytes, and too many of them. Names and types are few enough to be counted.
    const isPlain = detail.isPlain === true;
    const estimateBytes = isPlain ? Number.POSITIVE_INFINITY : budgetBytes;
    const writer = new SchemaWriter(this.#document, detail, estimateBytes, openapiDialect);
    // The body comes first: whether it alone is too long does not depend on the other arguments.
    const schemas = new Map<Draft, JsonSchema>();
    for (const draft of body?.drafts ?? []) {
      schemas.set(draft, isBare ? {} : draft.write(writer));
      if (writer.spend(keys.get(draft)?.length ?? 0)) break;
    }
    for (const choice of body?.plan.choices ?? []) {
      const whole = bodyLayers(this.#document, choice);
      if (whole !== undefined) writer.noteMissing(whole);
    }
    const open = writeOpen(body?.shape, writer);
    const isBodyOver = writer.spend(0);
    // A large body is no reason to forget the pattern of an id in the path.
    if (isPlain && body !== undefined) writer.useDetail(LEAST_DETAIL);
    for (const draft of parameters) if (!isBodyOver) schemas.set(draft, draft.write(writer));
    const required: string[] = [];
    for (const [draft, key] of keys) {
      if (draft.required) required.push(key);
      writer.spend(key.length * (draft.required ? 2 : 1) + 10);
    }
    const definitions = writer.definitions();
    const properties = Object.fromEntries([...keys].map(([draft, key]) => [key, schemas.get(draft)]));
    const schema: JsonSchema = { type: 'object', properties };
    if (Object.keys(definitions).length > 0) schema['$defs'] = definitions;
    const defaults = defaultsOf(schema, required);
    const demanded = required.filter((key) => !Object.hasOwn(defaults, key));
    if (demanded.length > 0) schema['required'] = demanded;
    schema['additionalProperties'] = open;
    return {
      schema,
      defaults,
      writer,
      isOver: writer.spend(0) || (isPlain && bytesOf(schema) > budgetBytes),
      isBodyOver,
    };
  }

  /** One parameter as an argument. */
  #draft(parameter: OperationParameter, args: WireArgument[]): Draft {
    const { node, home, name, required } = parameter;
    const style = styleOf(this.#document, parameter);
    // Swagger 2.0 writes the schema beside the name; a parameter may also have a whole media type.
    const content = Object.values(objectAt(node, 'content') ?? {})[0];
    const schema = node['schema'] ?? (isObject(content) ? content['schema'] : undefined) ?? node;
    const isSaid = isObject(schema) && Object.keys(schema).length > 0;
    return {
      name,
      place: parameter.in,
      required,
      write(writer) {
        const written = isSaid ? writer.write(schema, home, false) : {};
        if (parameter.in === 'path' && Object.keys(written).length === 0) written['type'] = 'string';
        return described(written, saidAt(node, 'description'), name, writer);
      },
      settle: (key) => args.push({ key, name, in: parameter.in, required, ...style }),
    };
  }
}

/** The plan with the schema of an attempt. */
function finish(
  shape: RequestShape,
  { args, body, keys }: Sketch,
  { schema, defaults, writer }: Attempt,
  cut: string | undefined,
): OperationPlan {
  for (const [draft, key] of keys) draft.settle(key);
  const warnings = [...shape.faults, ...writer.faults];
  if (cut !== undefined) warnings.push(`its schema is too large; ${cut}`);
  const plan: OperationPlan = {
    parameters: schema,
    arguments: args,
    defaults,
    bodyDefaults: defaultsOf(schema, body?.plan.requiredKeys ?? []),
    names: writer.names,
    warnings,
    documentWarnings: [...writer.missing],
  };
  if (body !== undefined) plan.body = body.plan;
  return plan;
}

const NAMES_WORDS = 'only the names and types of its arguments are given';
const BARE_WORDS = 'only the names of its arguments are given';
const OPAQUE_WORDS = 'its body is an opaque object';

/** The words for a detail that was left out. */
function wordsFor(level: number): string {
  const { depth, isPlain = false } = DETAILS[level] ?? NAMES;
  if (isPlain) return NAMES_WORDS;
  return depth > 20 ? 'descriptions are shortened' : `below level ${depth} it has opaque objects`;
}

function bytesOf(schema: JsonSchema): number {
  return Buffer.byteLength(JSON.stringify(schema));
}
