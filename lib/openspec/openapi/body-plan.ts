import { isObject } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { listAt, saidAt } from '../read.ts';
import type { SpecDocument } from '../spec-document.ts';
import { described, type Draft } from './draft.ts';
import { fileDescription } from '../schema/layer-description.ts';
import {
  isObjectLike,
  ANYTHING,
  layersOf,
  shapeOf,
  type Layers,
  type ObjectShape,
} from '../schema/layers.ts';
import type { Choice } from './media-type.ts';
import type { RequestShape } from './request-shape.ts';
import type { SchemaWriter } from '../schema/schema-writer.ts';

/** The body as arguments: its properties side by side (`properties`: key to the wire's name), or whole under `key`. */
export interface BodyPlan {
  /** Whether a call has to send a body. */
  required: boolean;
  /** The media types, the best one first. It is taken where no argument picks one. */
  choices: Choice[];
  /** The argument that picks the media type, where there are several. */
  contentTypeKey?: string;
  /** Set when the body is one argument; `properties` is missing then. */
  key?: string;
  properties?: Map<string, string>;
  /** Keys that have to be there once there is a body. */
  requiredKeys: string[];
  /** Whether other keys go into the body, too. */
  open: boolean;
  /** The schema of one property (or of the whole), for encodings that go by type. */
  layersOf(name: string | undefined): Layers | undefined;
}

/** The members that stand side by side as arguments. */
interface BodyShape {
  properties: Map<string, Layers>;
  required: Set<string>;
  /** The schema of keys that are not described; a missing one allows any. */
  additional: ObjectShape['additional'];
}

/** A body's plan, and its arguments before they have keys. */
export interface PlannedBody {
  plan: BodyPlan;
  drafts: Draft[];
  /** Missing when the body is one argument. */
  shape: BodyShape | undefined;
}

/** The schema of a body, followed. */
export function bodyLayers(document: SpecDocument, media: Choice): Layers | undefined {
  return isObject(media.schema) ? layersOf(document, media.schema, media.home) : undefined;
}

/** Plans a body; `isOpaque` when its schema is too large for anything else. */
export function planBody(
  document: SpecDocument,
  body: NonNullable<RequestShape['body']>,
  choices: Choice[],
  isOpaque: boolean,
): PlannedBody {
  const [best] = choices;
  const drafts: Draft[] = [];
  const whole = best === undefined ? undefined : bodyLayers(document, best);
  const shape = isOpaque || best === undefined ? undefined : flatShape(document, choices, whole);
  const plan: BodyPlan = {
    required: body.required,
    choices,
    requiredKeys: [],
    open: shape !== undefined && shape.additional?.value !== false,
    layersOf: (name) => (name === undefined ? whole : shape?.properties.get(name)),
  };
  if (shape === undefined) {
    drafts.push({
      name: 'body',
      place: body.place,
      required: body.required,
      write(writer) {
        if (best?.kind === 'binary') return fileSchema(body.description ?? textOf(whole), writer);
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
  // For a type such as `image/*` the call has to say which one it sends.
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
function flatShape(
  document: SpecDocument,
  [best, ...others]: Choice[],
  whole: Layers | undefined,
): BodyShape | undefined {
  if (whole === undefined || best === undefined || best.kind === 'text' || best.kind === 'binary')
    return undefined;
  const shape = shapeOfObject(document, whole);
  if (shape === undefined) return undefined;
  for (const other of others) {
    const layers = bodyLayers(document, other);
    // Most documents have one schema for all their media types.
    if (layers === undefined || layers.identity === whole.identity) continue;
    const more = shapeOfObject(document, layers);
    if (more === undefined) continue;
    for (const [name, property] of more.properties) {
      if (!shape.properties.has(name)) shape.properties.set(name, property);
    }
    // A property that one media type does not require may be left out there.
    for (const name of shape.required) if (!more.required.has(name)) shape.required.delete(name);
  }
  return shape;
}

/** The members of an object schema, as a copy; undefined when the schema is no plain object. */
function shapeOfObject(document: SpecDocument, schema: Layers): BodyShape | undefined {
  if (!isObjectLike(schema.layers)) return undefined;
  const { properties, required, additional } = shapeOf(document, schema);
  if (properties.size === 0) return undefined;
  // Alternatives that only say which members go together do not matter. Those with members of their own need the whole.
  for (const { node, home } of schema.layers) {
    for (const member of [...listAt(node, 'anyOf'), ...listAt(node, 'oneOf')]) {
      if (!isObject(member)) continue;
      const alternative = shapeOf(document, layersOf(document, member, home));
      for (const name of alternative.properties.keys()) if (!properties.has(name)) return undefined;
    }
  }
  const shape: BodyShape = { properties: new Map(properties), required: new Set(required), additional };
  // A required member that is not described still has to be given.
  for (const name of required) if (!properties.has(name)) shape.properties.set(name, ANYTHING);
  return shape;
}

/**
 * The schema of keys beside the properties of a body: `additionalProperties` of the whole tool. A body that says nothing
 * about other keys is open [JSON Schema 2020-12 Core 10.3.2.3].
 */
export function writeOpen(shape: BodyShape | undefined, writer: SchemaWriter): JsonSchema | boolean {
  if (shape === undefined || shape.additional?.value === false) return false;
  const { additional } = shape;
  if (!isObject(additional?.value) || Object.keys(additional.value).length === 0) return true;
  return writer.write(additional.value, additional.home);
}

/** The schema of a body that is one argument: text and bytes are a string. */
function wholeSchema(
  best: Choice | undefined,
  whole: Layers | undefined,
  writer: SchemaWriter,
  isOpaque: boolean,
): JsonSchema {
  if (best?.kind === 'text') {
    const isXml = /[/+]xml/i.test(best.name);
    const isPlain = whole !== undefined && !isObjectLike(whole.layers) && !isXml;
    if (isPlain) return { ...writer.writeLayers(whole, false), type: 'string' };
    return { type: 'string', description: `Text of the type ${best.contentType}` };
  }
  if (isOpaque && whole !== undefined && isObjectLike(whole.layers)) return { type: 'object' };
  return whole === undefined || isOpaque ? {} : writer.writeLayers(whole, false);
}

/** The schema of a body of bytes. The document may describe it as an object: a call gives its bytes all the same. */
function fileSchema(text: string | undefined, writer: SchemaWriter): JsonSchema {
  const description = fileDescription(text, writer.descriptionLimit);
  writer.spend(Buffer.byteLength(description) + 40);
  return { type: 'string', description };
}

/** The first description of a schema. */
function textOf(whole: Layers | undefined): string | undefined {
  return whole?.layers.map(({ node }) => saidAt(node, 'description')).find((text) => text !== undefined);
}
