import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { isOnlyMissingRef, layersOf } from '../schema/layers.ts';
import type { SpecDocument } from '../spec-document.ts';
import type { FoundOperation } from './operations.ts';
import { flagAt, listAt, objectAt, own, saidAt, textAt, textsAt } from '../read.ts';

/** The part of a request in which a parameter is. `querystring` is the whole query [OpenAPI 3.2]. */
export type ParameterPlace = 'path' | 'query' | 'header' | 'cookie' | 'querystring';

/** One parameter of an operation, as the document has it. */
export interface OperationParameter {
  name: string;
  in: ParameterPlace;
  required: boolean;
  /** Empty for a path variable that the document does not declare: it is a text. */
  node: JsonObject;
  home: JsonObject;
}

/** One way to write a body. */
export interface MediaType {
  /** As the document writes it; may hold a `*`. */
  name: string;
  schema: JsonValue | undefined;
  /** The Encoding Objects by property, for forms and multipart [OpenAPI 3.1.1 4.8.15]. */
  encoding: JsonObject | undefined;
  home: JsonObject;
}

/** The parameters and the body of an operation. */
export interface RequestShape {
  parameters: OperationParameter[];
  body?: {
    required: boolean;
    description: string | undefined;
    mediaTypes: MediaType[];
    /** The suffix of an argument's key when another place has an argument of the same name. */
    place: 'body' | 'formData';
  };
  /** The keys that the document itself has as defaults: they are sent, and the model does not see them. */
  keys: DocumentKey[];
  /** The odd things that cost no operation; they become warnings. */
  faults: string[];
}

/** The value of a parameter that is a key by its name. */
export interface DocumentKey {
  in: 'header' | 'query' | 'cookie';
  name: string;
  value: string;
}

/**
 * The headers that no argument sets. The request itself sets the first two [OpenAPI 3.0.3 4.7.12.1], credentials are not the
 * model's business, and the others belong to the connection [RFC 9110 7.2, 7.6.1, 8.6, 10.1.1]: a value of the model would
 * break the request or send it to another host.
 */
const OWN_HEADERS = new Set([
  'accept',
  'content-type',
  'authorization',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);

/** Reads the parameters and the body of an operation. The result is a text with the reason when a `$ref` to them leads nowhere. */
export function requestShapeOf(document: SpecDocument, found: FoundOperation): RequestShape | string {
  if (found.lost !== undefined) return `the operation's $ref leads nowhere: ${found.lost}`;
  const shape = readShape(document, found);
  if (typeof shape === 'string' || shape.body === undefined) return shape;
  const body = usableBody(document, shape.body, shape.faults);
  return typeof body === 'string' ? body : { ...shape, body };
}

function readShape(document: SpecDocument, found: FoundOperation): RequestShape | string {
  const { path, item, itemHome, node: operation, home: operationHome } = found;
  // By place and name, so that a parameter of the operation replaces that of its path.
  const parameters = new Map<string, OperationParameter>();
  const fields: { node: JsonObject; home: JsonObject }[] = [];
  const shape: RequestShape = { parameters: [], keys: [], faults: [] };

  const listed = [
    ...listAt(item, 'parameters').map((value) => [value, itemHome] as const),
    ...listAt(operation, 'parameters').map((value) => [value, operationHome] as const),
  ];
  for (const [value, listHome] of listed) {
    const target = document.object(value, listHome);
    if (target === undefined) return `a parameter's $ref leads nowhere: ${refOf(value)}`;
    const { node, home } = target;
    const name = textAt(node, 'name');
    const place = textAt(node, 'in')?.toLowerCase();
    if (name === undefined || place === undefined) {
      shape.faults.push('a parameter without a name or a place is left out');
    } else if (place === 'body') {
      shape.body = {
        required: flagAt(node, 'required') ?? false,
        description: saidAt(node, 'description'),
        mediaTypes: consumesOf(document, operation).map((type) =>
          mediaType(type, { schema: node['schema'] }, home),
        ),
        place: 'body',
      };
    } else if (place === 'formdata') {
      fields.push({ node, home });
    } else if (isPlace(place)) {
      const wireName = place === 'header' ? name.toLowerCase() : name;
      if (place === 'header' && OWN_HEADERS.has(wireName)) continue;
      const key = documentKey(document, target, place, name);
      if (key !== undefined) {
        shape.keys.push(key);
        continue;
      }
      // The session has the value of a key: a call without it is right.
      const required =
        place === 'path' || (flagAt(node, 'required') === true && !isKey(document, place, name));
      parameters.set(`${place} ${wireName}`, { name, in: place, required, node, home });
    } else shape.faults.push(`parameter "${name}" is in "${place}", which is no place; it is left out`);
  }

  matchPath(path, parameters, document.root, shape.faults);
  shape.parameters = [...parameters.values()];
  if (fields.length > 0) shape.body = formBody(document, operation, fields);
  const requestBody = own(operation, 'requestBody');
  if (requestBody === undefined || requestBody === null) return shape;
  const target = document.object(requestBody, operationHome);
  if (target === undefined) return `the body's $ref leads nowhere: ${refOf(requestBody)}`;
  const { node, home } = target;
  const mediaTypes = Object.entries(objectAt(node, 'content') ?? {}).map(([name, value]) => {
    const media = document.object(value, home);
    return mediaType(name, media?.node ?? {}, media?.home ?? home);
  });
  // A body without media types is none.
  if (mediaTypes.length > 0) {
    const required = flagAt(node, 'required') ?? false;
    shape.body = { required, description: saidAt(node, 'description'), mediaTypes, place: 'body' };
  }
  return shape;
}

/** The body without the media types whose schema is only a `$ref` that leads nowhere; a text with the reason when none is left. */
function usableBody(
  document: SpecDocument,
  body: NonNullable<RequestShape['body']>,
  faults: string[],
): NonNullable<RequestShape['body']> | string {
  const lost: string[] = [];
  const mediaTypes = body.mediaTypes.filter(({ schema, home }) => {
    const layers = isObject(schema) ? layersOf(document, schema, home) : undefined;
    if (layers === undefined || !isOnlyMissingRef(layers)) return true;
    lost.push(
      ...layers.missing.map((one) => `${one.ref} (at ${document.placeOf(one) ?? 'an unknown place'})`),
    );
    return false;
  });
  if (lost.length > 0 && mediaTypes.length === 0) return `the body's $ref leads nowhere: ${lost[0]}`;
  faults.push(...lost.map((ref) => `a media type of the body is left out, its $ref leads nowhere: ${ref}`));
  return { ...body, mediaTypes };
}

/** The names of a path's variables: `{id}`, and the odd forms `{id:[0-9]+}`, `{+path}`, `{path*}`, `{;id}`. */
export function pathVariable(braces: string): string {
  return braces
    .replace(/^[+;.#?&/]/, '')
    .replace(/:.*$/s, '')
    .replace(/[*+]$/, '');
}

/** A parameter for every variable of the path, found by name, then by name without case and punctuation. */
function matchPath(
  path: string,
  parameters: Map<string, OperationParameter>,
  home: JsonObject,
  faults: string[],
): void {
  const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const declared = [...parameters.values()].filter((parameter) => parameter.in === 'path');
  const used = new Set<OperationParameter>();
  const missing: string[] = [];
  for (const [, braces = ''] of path.matchAll(/\{([^{}]*)\}/g)) {
    const name = pathVariable(braces);
    const exact = declared.find((parameter) => parameter.name === name || parameter.name === braces);
    if (exact === undefined) missing.push(name);
    else used.add(exact);
    if (exact !== undefined && exact.name !== name) rename(exact, name);
  }
  for (const name of missing) {
    const alike = declared.find((parameter) => !used.has(parameter) && plain(parameter.name) === plain(name));
    if (alike === undefined)
      parameters.set(`path ${name}`, { name, in: 'path', required: true, node: {}, home });
    else {
      used.add(alike);
      rename(alike, name);
    }
  }
  for (const parameter of declared) {
    if (used.has(parameter)) continue;
    parameters.delete(`path ${parameter.name}`);
    faults.push(`the path has no {${parameter.name}}; that parameter is left out`);
  }

  function rename(parameter: OperationParameter, name: string): void {
    parameters.delete(`path ${parameter.name}`);
    parameters.set(`path ${name}`, { ...parameter, name });
  }
}

/** Swagger 2.0 form fields are the properties of an object body. */
function formBody(
  document: SpecDocument,
  operation: JsonObject,
  fields: { node: JsonObject; home: JsonObject }[],
): NonNullable<RequestShape['body']> {
  const consumes = consumesOf(document, operation);
  const isMultipart =
    fields.some(({ node }) => node['type'] === 'file') ||
    consumes.some((type) => type.startsWith('multipart/'));
  // A form is the list of its fields: it has no others.
  const schema: JsonObject = { type: 'object', properties: {}, required: [], additionalProperties: false };
  const encoding: JsonObject = {};
  const [first] = fields;
  for (const { node } of fields) {
    const name = textAt(node, 'name') ?? '';
    const { required, in: _, name: __, collectionFormat, ...field } = node;
    (schema['properties'] as JsonObject)[name] = field;
    if (required === true) (schema['required'] as JsonValue[]).push(name);
    encoding[name] = { collectionFormat: collectionFormat ?? 'csv' };
  }
  const type = isMultipart ? 'multipart/form-data' : 'application/x-www-form-urlencoded';
  return {
    required: textsAt(schema, 'required').length > 0,
    description: undefined,
    mediaTypes: [mediaType(type, { schema, encoding }, first?.home ?? document.root)],
    place: 'formData',
  };
}

/** The media types of a body in Swagger 2.0: the operation's, else the document's, else JSON. */
function consumesOf(document: SpecDocument, operation: JsonObject): string[] {
  const own = textsAt(operation, 'consumes');
  if (own.length > 0) return own;
  const common = textsAt(document.root, 'consumes');
  return common.length > 0 ? common : ['application/json'];
}

function mediaType(name: string, node: JsonObject, home: JsonObject): MediaType {
  return { name: name.trim(), schema: node['schema'], encoding: objectAt(node, 'encoding'), home };
}

/** Whether a security scheme sends this parameter. The session has its value, so the model need not give it. */
function isKey(document: SpecDocument, place: string, name: string): boolean {
  const schemes =
    objectAt(objectAt(document.root, 'components'), 'securitySchemes') ??
    objectAt(document.root, 'securityDefinitions');
  return Object.values(schemes ?? {}).some(
    (scheme) =>
      isObject(scheme) &&
      scheme['in'] === place &&
      textAt(scheme, 'name')?.toLowerCase() === name.toLowerCase(),
  );
}

/** Names of parameters whose defaults are keys, unlike "token_type" or "page_token". */
const KEY_NAME =
  /^(?:x[-_])?(?:[a-z0-9]+[-_])?(?:api[-_]?key|access[-_]?token|auth[-_]?token|token|secret|password)$/i;
/** A shorter default, or one of letters alone, is a sample or a choice. */
const KEY_VALUE = /^(?=.*[^A-Za-z]).{6,}$/s;

/** The key in the default of a parameter, if it is one by its name or by a security scheme. */
function documentKey(
  document: SpecDocument,
  { node, home }: { node: JsonObject; home: JsonObject },
  place: ParameterPlace,
  name: string,
): DocumentKey | undefined {
  if (place !== 'header' && place !== 'query' && place !== 'cookie') return undefined;
  if (!isKey(document, place, name) && !KEY_NAME.test(name)) return undefined;
  const schema = document.object(node['schema'], home)?.node ?? node;
  const value = schema['default'] ?? schema['const'];
  return typeof value === 'string' && KEY_VALUE.test(value) ? { in: place, name, value } : undefined;
}

function isPlace(text: string): text is ParameterPlace {
  return (
    text === 'path' || text === 'query' || text === 'header' || text === 'cookie' || text === 'querystring'
  );
}

function refOf(value: JsonValue | undefined): string {
  return (isObject(value) ? textAt(value, '$ref') : undefined) ?? 'it is no object';
}
