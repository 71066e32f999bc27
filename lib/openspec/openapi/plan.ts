import { isObject, type JsonObject } from '../../core/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import type { SpecDocument } from './document.ts';
import { isBinary, isObjectLike, layersOf, shapeOf, trimmed, type Layers, type Shape } from './layers.ts';
import { choicesOf, type Choice } from './media-type.ts';
import { argumentKey, uniqueNames } from './names.ts';
import { objectAt, textAt } from './read.ts';
import type { Parameter, RequestShape } from './request-shape.ts';
import { openSchemaWriter, type Detail, type SchemaWriter } from './schema.ts';
import { styleOf, type Style } from './styles.ts';

/** A parameter as an argument: its key for the model, and how it is written on the wire. */
export interface Argument extends Style {
  key: string;
  name: string;
  in: Parameter['in'];
  required: boolean;
}

/** The body as arguments: its properties side by side (`properties`: key to the wire's name), or whole under `key`. */
export interface BodyPlan {
  required: boolean;
  choices: Choice[];
  /** The argument that picks the media type, where there are several. */
  contentTypeKey?: string;
  key?: string;
  properties?: Map<string, string>;
  /** Keys that have to be there once there is a body. */
  requiredKeys: string[];
  /** Whether other keys go into the body, too. */
  open: boolean;
  /** The schema of one property (or of the whole), for encodings that go by type. */
  layersOf(name: string | undefined): Layers | undefined;
}

/** What the model is offered for an operation, and how its arguments become a request. */
export interface Plan {
  parameters: JsonSchema;
  arguments: Argument[];
  body?: BodyPlan;
  /** Property keys inside arguments that stand for a name no key may have. */
  renamed: Map<string, string>;
  warnings: string[];
}

/** One argument before it has a key. */
interface Draft {
  name: string;
  place: string;
  required: boolean;
  write(writer: SchemaWriter): JsonSchema;
  settle(key: string): void;
}

/** The most that one tool's parameters may have. */
export const TOOL_MAX_BYTES = 12 * 1024;

// First shorter descriptions, then fewer levels, then opaque objects.
const DETAILS: readonly Detail[] = [
  { depth: 24, description: 1024, innerDescription: 1024, enumBytes: 4096 },
  { depth: 24, description: 400, innerDescription: 200, enumBytes: 2048 },
  { depth: 24, description: 200, innerDescription: 80, enumBytes: 2048 },
  { depth: 24, description: 120, innerDescription: 0, enumBytes: 1024 },
  ...[7, 5, 4, 3, 2, 1].map((depth) => ({ depth, description: 100, innerDescription: 0, enumBytes: 512 })),
  { depth: 1, description: 0, innerDescription: 0, enumBytes: 128 },
];

/** Opens the planner of a document; plans are the same whatever order they are asked for in. */
export function openPlanner(document: SpecDocument): (shape: RequestShape) => Plan {
  // Many operations share a body: what was too much of it once is not tried again.
  const firstDetail = new Map<JsonObject, number>();

  return (shape) => {
    const choices = shape.body === undefined ? [] : choicesOf(document, shape.body.mediaTypes);
    const identity = choices[0] === undefined ? undefined : bodyLayers(choices[0])?.identity;
    for (let level = (identity && firstDetail.get(identity)) ?? 0; level < DETAILS.length; level += 1) {
      const { plan, isOver, isBodyOver } = attempt(shape, choices, level, false);
      if (!isOver) return plan;
      if (isBodyOver && identity !== undefined) firstDetail.set(identity, level + 1);
    }
    return attempt(shape, choices, DETAILS.length - 1, true).plan;
  };

  function attempt(shape: RequestShape, choices: Choice[], level: number, isLast: boolean) {
    const detail = DETAILS[level] ?? { depth: 1, description: 0, innerDescription: 0, enumBytes: 128 };
    const writer = openSchemaWriter(document, detail, isLast ? Number.POSITIVE_INFINITY : TOOL_MAX_BYTES);
    const args: Argument[] = [];
    const parameterDrafts = shape.parameters.map((parameter) => draftOf(parameter, args));
    const body = shape.body === undefined ? undefined : planBody(shape.body, choices, isLast);
    const drafts = [...parameterDrafts, ...(body?.drafts ?? [])];
    const keys = keysOf(drafts);

    // The body first: whether it alone is too much does not depend on who else has it.
    const schemas = new Map<Draft, JsonSchema>();
    for (const draft of body?.drafts ?? []) schemas.set(draft, draft.write(writer));
    const open = writeOpen(body?.shape, writer);
    const isBodyOver = writer.spend(0);
    for (const draft of parameterDrafts) schemas.set(draft, draft.write(writer));

    const properties: JsonObject = {};
    const required: string[] = [];
    for (const draft of drafts) {
      const key = keys.get(draft) ?? draft.name;
      draft.settle(key);
      properties[key] = schemas.get(draft);
      if (draft.required) required.push(key);
      writer.spend(key.length * (draft.required ? 2 : 1) + 10);
    }
    const definitions = writer.definitions();
    const parameters: JsonSchema = { type: 'object', properties };
    if (required.length > 0) parameters['required'] = required;
    parameters['additionalProperties'] = open;
    if (Object.keys(definitions).length > 0) parameters['$defs'] = definitions;

    const warnings = [...shape.faults, ...writer.faults];
    if (isLast) warnings.push('its schema is too large; what it takes is an opaque object');
    else if (level > 0) warnings.push(`its schema is too large; ${wordsFor(level)}`);
    const plan: Plan = { parameters, arguments: args, renamed: writer.renamed, warnings };
    if (body !== undefined) plan.body = body.plan;
    return { plan, isOver: writer.spend(0), isBodyOver };
  }

  function draftOf(parameter: Parameter, args: Argument[]): Draft {
    const { node, home, name, required } = parameter;
    const style = styleOf(document, parameter);
    // Swagger 2.0 writes the schema beside the name; a parameter may also have a whole media type.
    const content = Object.values(objectAt(node, 'content') ?? {})[0];
    const schema = node['schema'] ?? (isObject(content) ? content['schema'] : undefined) ?? node;
    return {
      name,
      place: parameter.in,
      required,
      write(writer) {
        const written =
          isObject(schema) && Object.keys(schema).length > 0 ? writer.write(schema, home, false) : {};
        if (parameter.in === 'path' && written['type'] === undefined) written['type'] = 'string';
        return described(written, textAt(node, 'description'), name, writer);
      },
      settle: (key) => args.push({ key, name, in: parameter.in, required, ...style }),
    };
  }

  function bodyLayers(media: Choice): Layers | undefined {
    return isObject(media.schema) ? layersOf(document, media.schema, media.home, new Set()) : undefined;
  }

  function planBody(body: NonNullable<RequestShape['body']>, choices: Choice[], isOpaque: boolean) {
    const [best] = choices;
    const drafts: Draft[] = [];
    const whole = best === undefined ? undefined : bodyLayers(best);
    const shape = isOpaque || best === undefined ? undefined : flatShape(choices, whole);
    const plan: BodyPlan = {
      required: body.required,
      choices,
      requiredKeys: [],
      open: shape?.additional !== undefined && shape.additional.value !== false,
      layersOf: (name) => (name === undefined ? whole : shape?.properties.get(name)),
    };
    if (shape === undefined) {
      drafts.push({
        name: 'body',
        place: body.place,
        required: body.required,
        write(writer) {
          const written = wholeSchema(best, whole, writer, isOpaque);
          return described(written, body.description, 'body', writer);
        },
        settle(key) {
          plan.key = key;
        },
      });
    } else {
      const properties = new Map<string, string>();
      plan.properties = properties;
      for (const [name, layers] of shape.properties) {
        const isRequired = shape.required.has(name);
        drafts.push({
          name,
          place: body.place,
          required: isRequired && body.required,
          write: (writer) => described(writer.writeLayers(layers, false), undefined, name, writer),
          settle(key) {
            properties.set(key, name);
            if (isRequired) plan.requiredKeys.push(key);
          },
        });
      }
    }
    const isWild = best?.kind === 'binary' && best.name.includes('*');
    if (choices.length > 1 || isWild) {
      drafts.push({
        name: 'Content-Type',
        place: 'header',
        required: false,
        write(writer) {
          writer.spend(60);
          const description = `The body's media type; ${best?.contentType} unless given`;
          if (isWild) return { type: 'string', description };
          return { type: 'string', enum: choices.map(({ contentType }) => contentType), description };
        },
        settle(key) {
          plan.contentTypeKey = key;
        },
      });
    }
    return { plan, drafts, shape };
  }

  /** The properties of an object body, where they can stand side by side; those of all its media types together. */
  function flatShape([best, ...others]: Choice[], whole: Layers | undefined): Shape | undefined {
    if (whole === undefined || best === undefined || best.kind === 'text' || best.kind === 'binary')
      return undefined;
    const shape = shapeOfObject(whole);
    if (shape === undefined) return undefined;
    for (const other of others) {
      const layers = bodyLayers(other);
      if (layers === undefined || layers.identity === whole.identity) continue;
      const more = shapeOfObject(layers);
      if (more === undefined) continue;
      for (const [name, property] of more.properties) {
        if (!shape.properties.has(name)) shape.properties.set(name, property);
      }
      for (const name of shape.required) if (!more.required.has(name)) shape.required.delete(name);
    }
    return shape;
  }

  function shapeOfObject({ layers }: Layers): Shape | undefined {
    if (!isObjectLike(layers)) return undefined;
    const shape = shapeOf(document, layers, new Set());
    if (shape.properties.size === 0) return undefined;
    // Alternatives that only say what goes together do not matter; those with properties of their own need the whole.
    for (const { node, home } of layers) {
      for (const union of [node['anyOf'], node['oneOf']]) {
        for (const member of Array.isArray(union) ? union : []) {
          if (!isObject(member)) continue;
          const alternative = shapeOf(
            document,
            layersOf(document, member, home, new Set()).layers,
            new Set(),
          );
          for (const name of alternative.properties.keys()) if (!shape.properties.has(name)) return undefined;
        }
      }
    }
    for (const name of shape.required) {
      if (!shape.properties.has(name)) shape.properties.set(name, { layers: [], identity: {} });
    }
    return shape;
  }
}

function writeOpen(shape: Shape | undefined, writer: SchemaWriter): JsonSchema | boolean {
  const additional = shape?.additional;
  if (additional === undefined || additional.value === false) return false;
  if (!isObject(additional.value) || Object.keys(additional.value).length === 0) return true;
  return writer.write(additional.value, additional.home);
}

function wholeSchema(
  best: Choice | undefined,
  whole: Layers | undefined,
  writer: SchemaWriter,
  isOpaque: boolean,
): JsonSchema {
  if (best?.kind === 'binary') {
    const hint = whole !== undefined && isBinary(whole.layers) ? {} : { description: 'Bytes in base64' };
    return { ...hint, ...(whole === undefined ? {} : writer.writeLayers(whole, false)), type: 'string' };
  }
  if (best?.kind === 'text') {
    const isXml = /[/+]xml/i.test(best.name);
    const isPlain = whole !== undefined && !isObjectLike(whole.layers) && !isXml;
    if (isPlain) return { ...writer.writeLayers(whole, false), type: 'string' };
    return { type: 'string', description: `Text of the type ${best.contentType}` };
  }
  if (isOpaque && whole !== undefined && isObjectLike(whole.layers)) return { type: 'object' };
  return whole === undefined || isOpaque ? {} : writer.writeLayers(whole, false);
}

/** A name that stands in several places gets its place; whatever is still twice gets a number. */
function keysOf(drafts: readonly Draft[]): Map<Draft, string> {
  const places = new Map<string, Set<string>>();
  for (const { name, place } of drafts) {
    const base = argumentKey(name);
    places.set(base, (places.get(base) ?? new Set()).add(place));
  }
  const unique = uniqueNames();
  const keys = new Map<Draft, string>();
  for (const draft of drafts) {
    const base = argumentKey(draft.name);
    const isShared = (places.get(base)?.size ?? 0) > 1;
    keys.set(draft, unique(isShared ? `${base.slice(0, 62 - draft.place.length)}__${draft.place}` : base));
  }
  return keys;
}

function described(
  schema: JsonSchema,
  description: string | undefined,
  name: string,
  writer: SchemaWriter,
): JsonSchema {
  const own = description ?? textAt(schema, 'description');
  const wire = argumentKey(name) === name ? undefined : `Sent as "${name}".`;
  if (wire === undefined && description === undefined) return schema;
  const limit = writer.descriptionLimit;
  const text = [wire, own].filter((part) => part !== undefined).join(' ');
  if (limit === 0) return schema;
  schema['description'] = trimmed(text, limit);
  writer.spend(Buffer.byteLength(text));
  return schema;
}

function wordsFor(level: number): string {
  const { depth } = DETAILS[level] ?? { depth: 1 };
  return depth > 20 ? 'descriptions are shortened' : `below level ${depth} it has opaque objects`;
}
